package bench

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/plot/plotter"

	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link"
)

// figures are the plots that the results have something for.
func figures(results []*Result) (all []*figure) {
	for _, make := range []func([]*Result) *figure{
		goodputFigure, timeFigure, costFigure, latencyFigure, pacingFigure, codecFigure, rateFigure, lossFigure, runsFigure, residualFigure,
	} {
		if f := make(results); !f.empty() {
			all = append(all, f)
		}
	}
	return all
}

// rowsOf calls visit with each row of the results of a kind.
func rowsOf(results []*Result, kind Kind, visit func(row *Row)) {
	for _, r := range results {
		if r.Kind != kind {
			continue
		}
		for i := range r.Rows {
			visit(&r.Rows[i])
		}
	}
}

// caseField is the value of a field of a row's name, as "none" of "seal".
func caseField(name, field string) string {
	for part := range strings.SplitSeq(name, "/") {
		if value, ok := strings.CutPrefix(part, field+"="); ok {
			return value
		}
	}
	return ""
}

func goodputFigure(results []*Result) *figure {
	f := &figure{
		name: "goodput", title: "Goodput against loss", x: "loss of the link, %", y: "goodput, Gbit/s",
		about: "Content per second from submit to whole in the inbox: the median of the runs, and their extremes.",
	}
	at := map[string]int{}
	rowsOf(results, KindTransfer, func(row *Row) {
		samples := row.Samples["goodput_bps"]
		if len(samples) == 0 || strings.Contains(row.Name, "/outage=") || strings.Contains(row.Name, "/links=") || strings.Contains(row.Name, "/high=") || strings.HasSuffix(row.Name, "/killed") || caseField(row.Name, "late") != "" {
			return
		}
		mix, _, _ := strings.Cut(row.Name, "/")
		label := fmt.Sprintf("%s, MTU %.0f", mix, row.Values["mtu"])
		if rate, err := strconv.ParseUint(caseField(row.Name, "rate"), 10, 64); err == nil {
			label += ", " + bits(rate) + " asked"
		}
		if seal := caseField(row.Name, "seal"); seal == "none" {
			label += ", not sealed"
		}
		n, known := at[label]
		if !known {
			n = len(f.lines)
			at[label] = n
			f.lines = append(f.lines, line{label: label, dots: true})
		}
		l := &f.lines[n]
		l.points = append(l.points, plotter.XY{X: 100 * row.Values["loss"], Y: row.Values["goodput_bps"] / 1e9})
		l.low, l.high = append(l.low, slices.Min(samples)/1e9), append(l.high, slices.Max(samples)/1e9)
	})
	for i := range f.lines {
		f.lines[i].sort()
	}
	return f
}

// sort puts the points in order of X.
func (l *line) sort() {
	order := make([]int, len(l.points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(l.points[a].X, l.points[b].X) })
	sorted := line{label: l.label, dots: l.dots}
	for _, i := range order {
		sorted.points = append(sorted.points, l.points[i])
		sorted.low, sorted.high = append(sorted.low, l.low[i]), append(sorted.high, l.high[i])
	}
	*l = sorted
}

func costFigure(results []*Result) *figure {
	f := &figure{
		name: "cpu", title: "CPU per GB", x: "CPU seconds per GB of content",
		about: "User and system time of each program, by case; 1 GB is 1e9 octets of content.", bars: &bars{flat: true},
	}
	parts := []part{{label: "pawl-send"}, {label: "pawl-receive"}, {label: "pawl-release"}}
	metrics := []string{"cpu_send_s_per_gb", "cpu_receive_s_per_gb", "cpu_release_s_per_gb"}
	rowsOf(results, KindTransfer, func(row *Row) {
		if _, there := row.Values[metrics[0]]; !there || len(f.bars.names) == mostBars {
			return
		}
		f.bars.names = append(f.bars.names, shortCase(row))
		for i := range parts {
			parts[i].values = append(parts[i].values, row.Values[metrics[i]])
		}
	})
	f.bars.parts = parts
	return f
}

// mostBars keeps the picture of costs to a page; the table has all.
const mostBars = 40

// shortCase is a transfer's case in a few words, for a narrow picture.
func shortCase(row *Row) string {
	mix, _, _ := strings.Cut(row.Name, "/")
	text := fmt.Sprintf("%s %.0f", mix, row.Values["mtu"])
	if size := row.Values["content_bytes"]; size != 1<<30 {
		text += ", " + humanize.IBytes(uint64(max(size, 0)))
	}
	if loss := row.Values["loss"]; loss > 0 {
		text += fmt.Sprintf(", %.3g%%", 100*loss)
	}
	for _, more := range []struct{ mark, words string }{{"/seal=none/", ", open"}, {"/outage=", ", outages"}, {"/killed", ", killed"}, {"/links=", ", links"}, {"/cut", ", one cut"}, {"/high=", ", disk"}, {"/halves", ", halves"}} {
		if strings.Contains(row.Name, more.mark) {
			text += more.words
		}
	}
	return text
}

func lossFigure(results []*Result) *figure {
	f := &figure{
		name: "loss", title: "Loss over time", x: "time of measuring, s", y: "loss, %",
		about: "Share of packets lost in each twentieth of each step of a calibration, in the order they were measured, pauses left out.",
	}
	for _, r := range results {
		if r.Kind != KindCalibrate {
			continue
		}
		l := line{}
		at := 0.0
		for i := range r.Rows {
			samples := r.Rows[i].Samples["slot_loss_ratio"]
			each := r.Rows[i].Values["duration_s"] / float64(max(len(samples), 1))
			for _, share := range samples {
				l.points = append(l.points, plotter.XY{X: at, Y: 100 * share}, plotter.XY{X: at + each, Y: 100 * share})
				at += each
			}
		}
		if len(l.points) > 0 {
			f.lines = append(f.lines, l)
		}
	}
	if len(f.lines) > 1 {
		for i := range f.lines {
			f.lines[i].label = "calibration " + strconv.Itoa(i+1)
		}
	}
	return f
}

func runsFigure(results []*Result) *figure {
	f := &figure{
		name: "bursts", title: "Bursts", x: "packets lost in a row, up to", y: "how often", logY: true, bars: &bars{},
		about: "How often so many packets were lost one after another, over all steps of the calibrations.",
	}
	counts := map[float64]uint64{}
	rowsOf(results, KindCalibrate, func(row *Row) {
		for _, bin := range row.Histograms["run_packets"] {
			counts[bin.At] += bin.Count
		}
	})
	tops := make([]float64, 0, len(counts))
	for at := range counts {
		tops = append(tops, at)
	}
	slices.Sort(tops)
	values := make([]float64, len(tops))
	for i, at := range tops {
		f.bars.names = append(f.bars.names, strconv.FormatFloat(at, 'f', -1, 64))
		values[i] = float64(counts[at])
	}
	f.bars.parts = []part{{values: values}}
	return f
}

// residualFigure shows what is left of the promise when a link loses more than was stated.
func residualFigure(results []*Result) *figure {
	f := &figure{
		name: "residual", title: "Residual failure probability", x: "real loss of the link, %", y: "probability of failure", logX: true, logY: true, level: fec.DefaultFailure,
		about: "That the content of a 1 GiB transfer does not arrive whole, planned for the stated loss, when the link really loses what the axis says; below: what a transfer is asked to keep. From the planner.",
	}
	losses := map[float64]fec.Link{}
	rowsOf(results, KindTransfer, func(row *Row) {
		losses[row.Values["loss"]] = forecastOf(row.Values["loss"], 1e9, int(row.Values["mtu"]))
	})
	rowsOf(results, KindCalibrate, func(row *Row) {
		if row.Name == StatementRow {
			l := forecastOf(row.Values["loss_ratio"], uint64(row.Values["asked_rate_bps"]), int(row.Values["mtu"]))
			l.Burst, l.BurstEvery = seconds(row.Values["outage_s"]), seconds(row.Values["every_s"])
			losses[l.Loss] = l
		}
	})
	stated := make([]float64, 0, len(losses))
	for loss := range losses {
		stated = append(stated, loss)
	}
	slices.Sort(stated)
	for _, loss := range stated {
		if l := residualLine(losses[loss]); len(l.points) > 1 && len(f.lines) < len(colors) {
			f.lines = append(f.lines, l)
		}
	}
	return f
}

func forecastOf(loss float64, rate uint64, mtu int) fec.Link {
	t, err := framing.SymbolSize(mtu, false)
	if err != nil {
		return fec.Link{} // which has no plan
	}
	return fec.Link{Loss: loss, Rate: rate, SymbolSize: t, WireSize: link.WireSize(t+framing.Overhead, false)}
}

// residualLine judges the plan for a link on links that lose more and less.
func residualLine(stated fec.Link) line {
	l := line{label: fmt.Sprintf("stated %.3g %%", 100*stated.Loss)}
	plan, err := stated.Plan(planned)
	if err != nil {
		return l
	}
	for e := -4.0; e <= -0.5; e += 0.05 {
		real := stated
		real.Loss = math.Pow(10, e)
		if judged, err := real.Judge(plan, planned); err == nil && judged.Residual > 1e-24 {
			l.points = append(l.points, plotter.XY{X: 100 * real.Loss, Y: judged.Residual})
			if judged.Residual >= 1 {
				break
			}
		}
	}
	return l
}
