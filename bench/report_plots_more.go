package bench

import (
	"slices"
	"strings"

	"gonum.org/v1/plot/plotter"
)

// stacked is a figure of bars that lie, one for each row that has all metrics; values turns a row into its parts.
func stacked(f *figure, results []*Result, kind Kind, labels []string, metrics []string, name func(*Row) string, values func(*Row) []float64) *figure {
	f.bars = &bars{flat: true}
	for _, label := range labels {
		f.bars.parts = append(f.bars.parts, part{label: label})
	}
	rowsOf(results, kind, func(row *Row) {
		for _, metric := range metrics {
			if !(row.Values[metric] > 0) {
				return
			}
		}
		if len(f.bars.names) == mostBars {
			return
		}
		f.bars.names = append(f.bars.names, name(row))
		for i, value := range values(row) {
			f.bars.parts[i].values = append(f.bars.parts[i].values, value)
		}
	})
	return f
}

// timeFigure shows the three speeds of a transfer as times, which add up.
func timeFigure(results []*Result) *figure {
	f := &figure{
		name: "time", title: "Where the time goes", x: "seconds per GB of content",
		about: "From submit to complete in quarantine (crossing), on to the verdict that every digest is right (verifying), on to whole in the inbox (publishing), of the median speeds. 8 divided by the whole bar is the goodput in Gbit/s.",
	}
	return stacked(f, results, KindTransfer, []string{"crossing", "verifying", "publishing"}, []string{"crossing_bps", "verified_bps", "goodput_bps"}, shortCase,
		func(row *Row) []float64 {
			crossed, verified, arrived := 8e9/row.Values["crossing_bps"], 8e9/row.Values["verified_bps"], 8e9/row.Values["goodput_bps"]
			// Medians of different runs may be out of order by a hair.
			return []float64{crossed, max(0, verified-crossed), max(0, arrived-max(verified, crossed))}
		})
}

// codecFigure shows what the codes cost.
func codecFigure(results []*Result) *figure {
	f := &figure{
		name: "codec", title: "CPU per GB of the erasure codes", x: "CPU seconds per GB of source",
		about: "Encoding, and rebuilding where as much is lost as can be rebuilt, by code; the least is best, more repair symbols cost more.",
	}
	return stacked(f, results, KindCodec, []string{"encode", "rebuild, R lost"}, []string{"encode_gb_per_cpu_s", "rebuild_max_gb_per_cpu_s"},
		func(row *Row) string { return strings.ReplaceAll(row.Name, "/", " ") },
		func(row *Row) []float64 {
			return []float64{1 / row.Values["encode_gb_per_cpu_s"], 1 / row.Values["rebuild_max_gb_per_cpu_s"]}
		})
}

// rateFigure shows the highest rates of the raw link.
func rateFigure(results []*Result) *figure {
	f := &figure{
		name: "link", title: "The raw link", x: "highest rate on the wire without loss, Gbit/s",
		about: "By MTU, or size of datagrams, and method of sending and receiving; without Pawl's own work.",
	}
	return stacked(f, results, KindLink, []string{"rate"}, []string{"lossless_rate_bps"},
		func(row *Row) string { return strings.ReplaceAll(strings.TrimPrefix(row.Name, "highest/"), "/", " ") },
		func(row *Row) []float64 { return []float64{row.Values["lossless_rate_bps"] / 1e9} })
}

// latencyFigure shows all latencies of small files.
func latencyFigure(results []*Result) *figure {
	f := &figure{
		name: "latency", title: "Latency of a small file", x: "from the rename into the outbox to visible in the inbox, ms", y: "files that took no longer, %", logX: true,
		about: "All tries, on an idle link.",
	}
	rowsOf(results, KindLatency, func(row *Row) {
		samples := slices.Sorted(slices.Values(row.Samples["latency_s"]))
		l := line{label: caseField(row.Name, "bytes") + " octets, " + caseField(row.Name, "rate") + " bit/s"}
		for i, s := range samples {
			if s > 0 {
				l.points = append(l.points, plotter.XY{X: 1e3 * s, Y: 100 * float64(i+1) / float64(len(samples))})
			}
		}
		if len(l.points) > 0 {
			f.lines = append(f.lines, l)
		}
	})
	return f
}

// pacingFigure shows how far rates were off.
func pacingFigure(results []*Result) *figure {
	f := &figure{
		name: "pacing", title: "Error of the paced rate", x: "asked rate on the wire, Gbit/s", y: "off by, %", logX: true,
		about: "Sent against asked: the median of the samples, and their extremes.",
	}
	l := line{dots: true}
	rowsOf(results, KindPacing, func(row *Row) {
		samples := row.Samples["rate_error_ratio"]
		if len(samples) == 0 || !(row.Values["asked_rate_bps"] > 0) {
			return
		}
		l.points = append(l.points, plotter.XY{X: row.Values["asked_rate_bps"] / 1e9, Y: 100 * row.Values["rate_error_ratio"]})
		l.low, l.high = append(l.low, 100*slices.Min(samples)), append(l.high, 100*slices.Max(samples))
	})
	if len(l.points) > 0 {
		l.sort()
		f.lines = append(f.lines, l)
	}
	return f
}
