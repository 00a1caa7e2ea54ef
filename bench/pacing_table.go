package bench

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// WritePacingTable writes a result of pacing for people.
func WritePacingTable(w io.Writer, result *Result) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "asked\tsent\terror\tlongest burst\tstated\tCPU, pacing\tand sending\tlost\t")
	for i := range result.Rows {
		row := &result.Rows[i]
		v := row.Values
		fmt.Fprintf(t, "%s\t%s\t%.3f %%\t%s\t%s\t%.1f %%\t%.1f %%\t%.0f\t\n", bits(uint64(v["asked_rate_bps"])), bits(uint64(v["sent_rate_bps"])),
			100*v["rate_error_ratio"], humanize.IBytes(uint64(quantile(row.Samples["burst_bytes"], 1))), humanize.IBytes(uint64(v["burst_stated_bytes"])),
			100*v["cpu_pacing_ratio"], 100*v["cpu_sending_ratio"], v["lost_packets"])
	}
	return t.Flush()
}
