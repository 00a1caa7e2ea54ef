package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Judgement is what became of a figure beside its bar.
type Judgement string

// The judgements. Only Missed and Few keep a run from being good.
const (
	Met    Judgement = "met"
	Missed Judgement = "missed"
	Few    Judgement = "too few runs" // it is met, by fewer runs than are asked for
	Shown  Judgement = "shown"        // has no bar
	Alone  Judgement = "not judged"   // the figure that it must be compared with is not there
)

// Judged is a figure beside its bar.
type Judged struct {
	Number    int
	Case      string // of the bar
	Row       string // of the result
	Metric    string
	Words     string // what the metric is, for people
	Bar       string
	Figure    string
	Samples   int
	Asked     int    // samples; 0: any number
	Low, High string // the least and the largest sample
	Judgement Judgement
}

// metricWords say what the metrics with bars are.
var metricWords = map[string]string{
	"goodput_bps": "goodput: submit to inbox", "verified_bps": "submit to digests verified", "crossing_bps": "submit to quarantine",
	"cpu_total_s_per_gb": "CPU, all programs", "whole_ratio": "arrived", "repair_ratio": "packets beyond source symbols", "overhead_ratio": "wire octets per octet",
	"latency_p50_s": "median", "latency_p99_s": "99th percentile", "latency_max_s": "longest", "rss_send_bytes": "memory of pawl-send",
	"rss_receive_bytes": "memory of pawl-receive", "rss_release_bytes": "memory of pawl-release", "rate_error_ratio": "error of the rate",
	"files_per_s": "drop to inbox", "restart_s": "killed, until content is on the link again", "burst_stated_ratio": "longest burst, of the stated", "cpu_pacing_ratio": "CPU of pacing alone, of a core",
}

// judge puts each row that is the case of a bar beside it.
func judge(results []*Result) (all []Judged) {
	rows := map[Kind][]*Row{}
	for _, r := range results {
		for i := range r.Rows {
			rows[r.Kind] = append(rows[r.Kind], &r.Rows[i])
		}
	}
	for _, b := range asks() {
		b.kind = cmp.Or(b.kind, KindTransfer)
		for _, row := range rows[b.kind] {
			if _, there := row.Values[b.metric]; there && b.of(row.Name, row) {
				all = append(all, b.judge(rows[b.kind], row))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Judged) int { return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Row, b.Row)) })
	return all
}

// barMetric formats as the page of figures does, with the unit of costs, which the name of the metric says there.
type barMetric struct{ Metric }

// Format is of Metric.
func (m barMetric) Format(value float64) string {
	if m.Unit == "CPU s/GB" {
		return m.Metric.Format(value) + " s/GB"
	}
	return m.Metric.Format(value)
}

func (b bar) judge(rows []*Row, row *Row) Judged {
	m := barMetric{MetricOf(b.metric)}
	samples, value := row.Samples[b.metric], row.Values[b.metric]
	j := Judged{
		Number: b.number, Case: b.is, Row: row.Name, Metric: b.metric, Words: cmp.Or(metricWords[b.metric], b.metric), Figure: m.Format(value), Samples: len(samples), Asked: b.runs,
		Bar: "", Judgement: Shown,
	}
	if len(samples) > 1 {
		j.Low, j.High = m.Format(slices.Min(samples)), m.Format(slices.Max(samples))
	}
	switch {
	case b.metric == "whole_ratio": // has no samples of its own
		j.Samples = int(row.Values["transfers"])
		j.Figure = fmt.Sprintf("%.0f of %d whole", value*float64(j.Samples), j.Samples)
	case b.kind == KindLatency: // a quantile of all of them
		j.Samples = len(row.Samples["latency_s"])
	}
	if b.least == 0 && b.most == 0 {
		j.Asked = 0
		return j
	}
	words := ""
	if b.than != nil {
		other, found := b.than.find(rows, row)
		words = fmt.Sprintf("%.0f %% %s", 100*max(b.least, b.most), b.than.words)
		if !found {
			j.Bar, j.Judgement = words, Alone
			return j
		}
		words = " (" + words + ")"
		b.least, b.most = b.least*other, b.most*other
	}
	if b.worst && len(samples) > 0 {
		words += ", each run"
		if value = slices.Max(samples); b.most == 0 {
			value = slices.Min(samples)
		}
	}
	met := value >= b.least
	j.Bar = "at least " + m.Format(b.least) + words
	if b.most > 0 {
		met = value <= b.most
		j.Bar = "at most " + m.Format(b.most) + words
	}
	if b.metric == "whole_ratio" {
		j.Bar = "all whole"
	}
	switch {
	case !met:
		j.Judgement = Missed
	case j.Samples < b.runs:
		j.Judgement = Few
	default:
		j.Judgement = Met
	}
	return j
}

// WriteBars writes each figure beside its bar as a table for a terminal; nothing where no row is the case of a bar.
func (r *Report) WriteBars(w io.Writer) error {
	if len(r.judged) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "#\tcase\tmetric\tfigure\tspread\tbar\truns\t")
	for _, j := range r.judged {
		spread := ""
		if j.Low != "" {
			spread = j.Low + " to " + j.High
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.Number, j.Case, j.Words, j.Figure, spread, j.Bar, j.Runs(), j.Judgement)
	}
	return t.Flush()
}

// Runs is "5", or "3 of 5" where more are asked for.
func (j Judged) Runs() string {
	if j.Samples < j.Asked {
		return fmt.Sprintf("%d of %d", j.Samples, j.Asked)
	}
	return fmt.Sprint(j.Samples)
}
