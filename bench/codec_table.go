package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteCodecTable writes a result of the codec scenario for people.
func WriteCodecTable(w io.Writer, r *Result) error {
	var text strings.Builder
	writeHead(&text, r)
	fmt.Fprintln(&text, "GB (1e9 octets of source symbols) for a second of CPU time, all of one core; medians")
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\nencode\trebuild 0\t1 %\tmax\tspread\tblock\tcodec\ttables\t  geometry\n")
	for i := range r.Rows {
		row := &r.Rows[i]
		fmt.Fprint(table, row.speed("encode"), "\t", row.speed("rebuild_none"), "\t", row.speed("rebuild_few"), "\t", row.speed("rebuild_max"), "\t", row.widest(), "\t")
		for _, metric := range []string{"block_memory_bytes", "codec_memory_bytes", "tables_memory_bytes"} {
			fmt.Fprint(table, MetricOf(metric).Format(row.Values[metric]), "\t")
		}
		fmt.Fprintf(table, "  %s\n", row.Name)
	}
	table.Flush() // into memory
	fmt.Fprintln(&text, "\nmax is R source symbols lost; tables are shared by all codecs of a code and made once")
	_, err := io.WriteString(w, text.String())
	return err
}

// writeHead writes what a result was measured with.
func writeHead(text *strings.Builder, r *Result) {
	m := r.Machine
	fmt.Fprintf(text, "pawl %s on %s, %d cores, %s, Linux %s, %s\n", r.Pawl, m.CPU, m.Cores, MetricOf("memory_bytes").Format(float64(m.Memory)), m.Kernel, m.Go)
	for _, key := range sortedKeys(r.Settings) {
		fmt.Fprintf(text, "%s %s  ", key, r.Settings[key])
	}
	fmt.Fprintln(text)
}

func (r *Row) speed(what string) string {
	v := r.Values[what+"_gb_per_cpu_s"]
	if v >= 100 { // nothing was computed
		return ">100"
	}
	return fmt.Sprintf("%.2f", v)
}

// widest is the largest distance of a sample from its median, of the figures that take arithmetic.
func (r *Row) widest() string {
	widest := 0.0
	for _, what := range []string{"encode", "rebuild_few", "rebuild_max"} {
		metric := what + "_gb_per_cpu_s"
		for _, sample := range r.Samples[metric] {
			widest = max(widest, abs(sample/r.Values[metric]-1))
		}
	}
	return fmt.Sprintf("±%.0f%%", 100*widest)
}
