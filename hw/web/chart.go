package web

import (
	"fmt"
	"strings"
)

// Chart is a small line of values, drawn by the server: no script, no style. The template "charts" shows some.
type Chart struct {
	Title string     `json:"title"`
	Unit  string     `json:"unit"`
	Step  float64    `json:"step_s"`
	Now   string     `json:"now"`    // the newest value, for people
	Top   string     `json:"top"`    // the greatest
	Value []*float64 `json:"values"` // oldest first; null where nothing is known

	Lines []string `json:"-"` // points of polylines, between what is not known
}

// Size of a chart in its own units; the template has it too.
const (
	chartWidth  = 600
	chartHeight = 80
)

// Plot makes a chart of n values, step seconds apart, the oldest first; value gives one, and whether it is known, and show writes one for people.
func Plot(title, unit string, step float64, n int, value func(i int) (float64, bool), show func(float64) string) Chart {
	c := Chart{Title: title, Unit: unit, Step: step, Value: make([]*float64, n), Now: "unknown", Top: "unknown"}
	top, known := 0.0, false
	for i := range n {
		if v, ok := value(i); ok {
			c.Value[i] = &v
			top, known = max(top, v), true
		}
	}
	if known {
		c.Top = show(top)
	}
	if n > 0 && c.Value[n-1] != nil {
		c.Now = show(*c.Value[n-1])
	}
	if top == 0 {
		top = 1
	}
	var line strings.Builder
	flush := func() {
		if line.Len() > 0 {
			c.Lines = append(c.Lines, line.String())
			line.Reset()
		}
	}
	for i, v := range c.Value {
		if v == nil {
			flush()
			continue
		}
		x := float64(i) * chartWidth / float64(max(1, n-1))
		fmt.Fprintf(&line, "%.1f,%.1f ", x, chartHeight-2-*v/top*(chartHeight-6))
	}
	flush()
	return c
}
