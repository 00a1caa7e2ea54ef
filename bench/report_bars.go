package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// bar is what a figure must reach: the table in issue 3 of the project, "at the speed of the line".
type bar struct {
	number int
	is     string // the case, for people
	of     func(name string, row *Row) bool
	metric string
	least  float64 // 0: none
	most   float64 // 0: none
}

// plainCase is a transfer of the whole path without outages, sealed, planned for the loss there is.
func plainCase(mtu, loss float64, seal string) func(string, *Row) bool {
	return func(name string, row *Row) bool {
		return strings.HasPrefix(name, string(MixRandom)+"/") && strings.Contains(name, "/seal="+seal+"/") && strings.Contains(name, "/passes=1/") &&
			!strings.Contains(name, "/outage=") && !strings.Contains(name, "/stated=") && !strings.Contains(name, "/late=") && !strings.HasSuffix(name, "/killed") &&
			row.Values["mtu"] == mtu && row.Values["loss"] == loss
	}
}

func outageCase(name string, row *Row) bool {
	return strings.HasPrefix(name, string(MixRandom)+"/") && strings.Contains(name, "/outage=0.02s/") && row.Values["loss"] == 0.005
}

func largeCase(name string, row *Row) bool {
	return strings.HasPrefix(name, string(MixRandom)+"/") && row.Values["content_bytes"] >= 20<<30
}

const sealed = "aes-256-gcm"

// asks are the bars whose figures are in result files of transfers.
var asks = []bar{
	{1, "MTU 1500, no loss", plainCase(1500, 0, sealed), "goodput_bps", 4e9, 0},
	{1, "MTU 1500, no loss", plainCase(1500, 0, sealed), "cpu_total_s_per_gb", 0, 3.8},
	{2, "MTU 1500, 1 % loss", plainCase(1500, 0.01, sealed), "goodput_bps", 3.5e9, 0},
	{2, "MTU 1500, 1 % loss", plainCase(1500, 0.01, sealed), "cpu_total_s_per_gb", 0, 4.3},
	{2, "MTU 1500, 1 % loss", plainCase(1500, 0.01, sealed), "whole_ratio", 1, 0},
	{3, "MTU 9000, no loss", plainCase(9000, 0, sealed), "goodput_bps", 5e9, 0},
	{3, "MTU 9000, no loss", plainCase(9000, 0, sealed), "cpu_total_s_per_gb", 0, 3.0},
	{4, "MTU 1500, not sealed, no loss", plainCase(1500, 0, "none"), "goodput_bps", 5e9, 0},
	{5, "5 % loss", plainCase(1500, 0.05, sealed), "whole_ratio", 1, 0},
	{5, "5 % loss", plainCase(1500, 0.05, sealed), "overhead_ratio", 0, 1.15},
	{5, "0.5 % loss, outages of 20 ms", outageCase, "whole_ratio", 1, 0},
	{5, "0.5 % loss, outages of 20 ms", outageCase, "overhead_ratio", 0, 1.15},
	{8, "20 GiB", largeCase, "rss_send_bytes", 0, 256 << 20},
	{8, "20 GiB", largeCase, "rss_receive_bytes", 0, 256 << 20},
	{8, "20 GiB", largeCase, "rss_release_bytes", 0, 256 << 20},
}

// Judged is a figure beside its bar.
type Judged struct {
	Number    int
	Case      string // of the bar
	Row       string // of the result
	Metric    string
	Bar       string
	Figure    string
	Samples   int
	Low, High string // the least and the largest sample
	Met       bool
}

// judge puts each row that is the case of a bar beside it.
func judge(results []*Result) (all []Judged) {
	for _, r := range results {
		for i := range r.Rows {
			row := &r.Rows[i]
			for _, b := range asks {
				if value, there := row.Values[b.metric]; there && r.Kind == KindTransfer && b.of(row.Name, row) {
					all = append(all, b.judge(row, value))
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Judged) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// WriteBars writes each figure beside its bar as a table for a terminal; nothing where no row is the case of a bar.
func (r *Report) WriteBars(w io.Writer) error {
	if len(r.judged) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "#\tcase\tmetric\tfigure\tbar\tsamples\t")
	for _, j := range r.judged {
		word := "missed"
		if j.Met {
			word = "met"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", j.Number, j.Case, j.Metric, j.Figure, j.Bar, j.Samples, word)
	}
	return t.Flush()
}

func (b *bar) judge(row *Row, value float64) Judged {
	m := MetricOf(b.metric)
	j := Judged{Number: b.number, Case: b.is, Row: row.Name, Metric: b.metric, Figure: m.Format(value), Samples: len(row.Samples[b.metric])}
	if b.metric == "whole_ratio" {
		j.Samples = int(row.Values["transfers"]) // a ratio has no samples of its own
	}
	if j.Met = value >= b.least; b.most > 0 {
		j.Met = value <= b.most
		j.Bar = fmt.Sprintf("at most %s", m.Format(b.most))
	} else {
		j.Bar = fmt.Sprintf("at least %s", m.Format(b.least))
	}
	if len(row.Samples[b.metric]) > 1 {
		j.Low, j.High = m.Format(slices.Min(row.Samples[b.metric])), m.Format(slices.Max(row.Samples[b.metric]))
	}
	return j
}
