// Package metrics shows a daemon's status to machines: /metrics in Prometheus's text format, and /healthz.
//
//	scrape ─ Server ─ registry ─ families ─ read ─ the daemon's Status, made when it is asked for
//
// Nothing is counted here. Each family says how its value is read from the status that the daemon keeps anyway, so that a
// scrape costs the hot path nothing, and page and test know every family without a daemon that runs.
package metrics

import (
	"fmt"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// Emit gives one value of a family, with a value for each of the family's labels.
type Emit func(value float64, labels ...string)

// Family is one metric as it is read from a status S.
type Family[S any] struct {
	Name   string // whole, as in pawl_send_packets_total; counters end in _total
	Help   string // one sentence, with the unit
	Labels []string
	Read   func(s *S, emit Emit)
}

// kind follows from the name, as Prometheus's naming rules have it.
func (f *Family[S]) kind() prometheus.ValueType {
	if strings.HasSuffix(f.Name, "_total") {
		return prometheus.CounterValue
	}
	return prometheus.GaugeValue
}

// Collect reads all families from a status. Label values are the daemon's own words or numbers, never text from the other
// side.
func Collect[S any](families []Family[S], s *S, out chan<- prometheus.Metric) {
	for i := range families {
		f := &families[i]
		desc := prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		f.Read(s, func(value float64, labels ...string) {
			m, err := prometheus.NewConstMetric(desc, f.kind(), value, labels...)
			if err != nil {
				m = prometheus.NewInvalidMetric(desc, err)
			}
			out <- m
		})
	}
}

// Table writes families as rows of a Markdown table: the page of docs/metrics.md.
func Table[S any](w io.Writer, families []Family[S]) error {
	if _, err := fmt.Fprint(w, "| metric | kind | what it is |\n|---|---|---|\n"); err != nil {
		return err
	}
	for i := range families {
		f := &families[i]
		kind := "gauge"
		if f.kind() == prometheus.CounterValue {
			kind = "counter"
		}
		name := f.Name
		if len(f.Labels) > 0 {
			name += "{" + strings.Join(f.Labels, ",") + "}"
		}
		if _, err := fmt.Fprintf(w, "| `%s` | %s | %s |\n", name, kind, f.Help); err != nil {
			return err
		}
	}
	return nil
}

// Value is a family without labels.
func Value[S any](name, help string, read func(*S) float64) Family[S] {
	return Family[S]{Name: name, Help: help, Read: func(s *S, emit Emit) { emit(read(s)) }}
}

// Bool is 1 for true: the form in which Prometheus has yes and no.
func Bool(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
