package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// linkColumns are what the table of a link result shows of a row that has it.
var linkColumns = []struct{ head, metric string }{
	{"asked", "asked_rate_bps"}, {"sent", "sent_rate_bps"}, {"no loss", "lossless_rate_bps"},
	{"packets", "sent_packets"}, {"lost", "lost_packets"}, {"twice", "duplicate_packets"}, {"reordered", "reordered_packets"},
	{"damaged", "damaged_packets"}, {"socket drops", "kernel_drop_packets"},
	{"send s/GB", "cpu_send_s_per_gb"}, {"receive s/GB", "cpu_receive_s_per_gb"}, {"delay spread", "delay_spread_s"},
}

// WriteLinkTable writes a result of the link scenario for people; columns that no row has are left out.
func WriteLinkTable(w io.Writer, r *Result) error {
	var text strings.Builder
	writeHead(&text, r)
	fmt.Fprintln(&text)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	columns := linkColumns[:0:0]
	for _, c := range linkColumns {
		for i := range r.Rows {
			if _, ok := r.Rows[i].Values[c.metric]; ok {
				columns = append(columns, c)
				fmt.Fprint(table, c.head, "\t")
				break
			}
		}
	}
	fmt.Fprintln(table, "  case")
	for i := range r.Rows {
		for _, c := range columns {
			if value, ok := r.Rows[i].Values[c.metric]; ok {
				fmt.Fprint(table, MetricOf(c.metric).Format(value))
			}
			fmt.Fprint(table, "\t")
		}
		fmt.Fprintf(table, "  %s\n", r.Rows[i].Name)
	}
	table.Flush() // into memory
	for i := range r.Rows {
		for _, b := range r.Rows[i].Histograms["lost_run_packets"] {
			fmt.Fprintf(&text, "%s: %d times up to %.0f packets lost in a row\n", r.Rows[i].Name, b.Count, b.At)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// Damaged counts the datagrams of a link result that arrived with other bytes than were sent.
func Damaged(r *Result) (n float64) {
	for i := range r.Rows {
		for _, count := range r.Rows[i].sample("damaged_packets").Values {
			n += count
		}
	}
	return n
}
