package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteLatencyTable writes a result of latency for people.
func WriteLatencyTable(w io.Writer, result *Result) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	ms := func(seconds float64) string { return fmt.Sprintf("%.2f ms", 1e3*seconds) }
	for i := range result.Rows {
		row := &result.Rows[i]
		fmt.Fprintf(t, "%s, %d files\n", row.Name, len(row.Samples["latency_s"]))
		fmt.Fprintf(t, "  outbox to inbox\tmedian %s\t99 %% %s\tmax %s\n", ms(row.Values["latency_p50_s"]), ms(row.Values["latency_p99_s"]), ms(row.Values["latency_max_s"]))
		for _, step := range latencySteps {
			samples := row.Samples[step.metric]
			if len(samples) == 0 {
				continue
			}
			fmt.Fprintf(t, "  %s\tmedian %s\t99 %% %s\tmax %s\n", step.is, ms(quantile(samples, 0.5)), ms(quantile(samples, 0.99)), ms(quantile(samples, 1)))
		}
	}
	return t.Flush()
}
