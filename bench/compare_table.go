package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// WriteTable writes the comparison for people: a table for each metric.
func (c *Comparison) WriteTable(w io.Writer) error {
	var text strings.Builder
	for _, note := range c.Notes {
		fmt.Fprintln(&text, note)
	}
	for _, name := range c.Gone {
		fmt.Fprintln(&text, "only in the old result:", name)
	}
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	shown, few := "", false
	for _, d := range c.Metrics {
		m := MetricOf(d.Metric)
		if d.Metric != shown {
			shown = d.Metric
			table.Flush() // into memory
			fmt.Fprintf(&text, "\n%s (%s)\n", d.Metric, m.words())
			fmt.Fprint(table, "old\t\tnew\t\tratio\tp\t  case\n")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t  %s\n", m.Format(d.Old.Median), d.Old.width(),
			m.Format(d.New.Median), d.New.width(), d.ratio(), d.chance(), d.Case)
		few = few || d.Few
	}
	table.Flush()
	fmt.Fprintf(&text, "\n± is the interval of the median at %.0f %%, or all samples where they are fewer than 6; ~ is a difference that chance explains (p ≥ %.2g)\n", 100*Confidence, 1-Confidence)
	if few {
		fmt.Fprintln(&text, "? is a difference with too few samples to tell: take at least 4 of each")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// width is how far the interval reaches from the median, as a share of it.
func (s Spread) width() string {
	switch {
	case s.N == 1:
		return ""
	case s.Median == 0:
		return "±?"
	}
	return fmt.Sprintf("±%.1f%%", 100*math.Max(s.High-s.Median, s.Median-s.Low)/math.Abs(s.Median))
}

func (d *Difference) ratio() string {
	switch {
	case d.Old.Median == d.New.Median:
		return "="
	case d.Few && d.Old.Median == 0:
		return "?"
	case d.Few:
		return fmt.Sprintf("?%.3f", d.Ratio)
	case !d.Clear:
		return "~"
	case d.Old.Median == 0:
		return "from 0"
	}
	return fmt.Sprintf("%.3f", d.Ratio)
}

func (d *Difference) chance() string {
	return fmt.Sprintf("%.3f n=%d+%d", d.P, d.Old.N, d.New.N)
}

// String says what changed, for the line that tells of a failure.
func (d Difference) String() string {
	m := MetricOf(d.Metric)
	return fmt.Sprintf("%s of %s: %s, was %s (%s)", d.Metric, d.Case, m.Format(d.New.Median), m.Format(d.Old.Median), m.words())
}

// words are the unit, if there is one, and the direction.
func (m Metric) words() string {
	if m.Unit == "" {
		return m.Better.String()
	}
	return m.Unit + ", " + m.Better.String()
}
