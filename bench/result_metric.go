package bench

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"
)

// Better says which way a metric gets better.
type Better int

// The directions. A Neutral metric describes its case and is not judged.
const (
	Neutral Better = iota
	Higher
	Lower
)

// String is for tables.
func (b Better) String() string {
	return [...]string{"not judged", "higher is better", "lower is better"}[b]
}

// Metric is what the name of a metric says about it.
type Metric struct {
	Name   string
	Unit   string // for people; "" for a plain number
	Better Better
}

// units are found by the end of a metric's name; the first that fits counts. A rate that is
// asked for and a ratio of what is asked stand in exceptions.
var units = []struct {
	suffix, unit string
	better       Better
}{
	{"_gb_per_cpu_s", "GB/CPU s", Higher},
	{"_s_per_gb", "CPU s/GB", Lower},
	{"_bps", "bit/s", Higher},
	{"_bytes", "B", Lower},
	{"_ratio", "", Lower},
	{"_packets", "packets", Lower},
	{"_s", "s", Lower},
}

// exceptions are metrics whose end says too little or the wrong thing.
var exceptions = map[string]Metric{
	"whole_ratio":  {Unit: "", Better: Higher}, // transfers that arrived intact, of all
	"repair_ratio": {Unit: "%", Better: Lower}, "planned_ratio": {Unit: "%", Better: Lower}, "rate_error_ratio": {Unit: "%", Better: Lower},
	"burst_stated_ratio": {Unit: "%", Better: Lower}, "cpu_pacing_ratio": {Unit: "%", Better: Lower}, "cpu_sending_ratio": {Unit: "%", Better: Lower},
	"sent_rate_bps": {Unit: "bit/s"}, // follows what was asked

	// What was asked for, or follows from it.
	"content_bytes": {Unit: "B"}, "size_bytes": {Unit: "B"}, "rate_bps": {Unit: "bit/s"}, "asked_rate_bps": {Unit: "bit/s"},
	"outage_s": {Unit: "s"}, "every_s": {Unit: "s"}, "late_s": {Unit: "s"}, "duration_s": {Unit: "s"},
	"sent_packets": {Unit: "packets"}, "announced_packets": {Unit: "packets"}, "received_packets": {Unit: "packets"},
	"packets_sent": {Unit: "packets"}, "packets_lost": {Unit: "packets"},

	"files_per_s": {Unit: "files/s", Better: Higher},

	// Names of the transfer's report without a unit at their end.
	"packets_missed": {Unit: "packets", Better: Lower}, "kernel_drops": {Unit: "packets", Better: Lower},
	"overruns": {Unit: "packets", Better: Lower}, "reverse_packets": {Unit: "packets", Better: Lower},
}

// MetricOf tells unit and direction from a metric's name: known exceptions first, then the
// unit that ends the name; a name without a known unit is a plain number that is not judged.
func MetricOf(name string) Metric {
	if m, ok := exceptions[name]; ok {
		m.Name = name
		return m
	}
	for _, u := range units {
		if strings.HasSuffix(name, u.suffix) {
			return Metric{Name: name, Unit: u.unit, Better: u.better}
		}
	}
	return Metric{Name: name}
}

// Worse is by what share of old the new value is worse, negative when it is better and 0
// for a metric that is not judged. From 0 every worsening is infinite.
func (m Metric) Worse(old, new float64) float64 {
	switch {
	case m.Better == Neutral || old == new:
		return 0
	case m.Better == Higher:
		return (old - new) / abs(old)
	}
	return (new - old) / abs(old)
}

func abs(x float64) float64 { return max(x, -x) }

// Format writes a value with its unit for people.
func (m Metric) Format(value float64) string {
	switch m.Unit {
	case "bit/s":
		return humanize.SIWithDigits(value, 2, m.Unit)
	case "B":
		return humanize.IBytes(uint64(max(value, 0)))
	case "%":
		return humanize.FtoaWithDigits(100*value, 2) + " %"
	case "":
		return humanize.FtoaWithDigits(value, 4)
	case "packets":
		return humanize.FtoaWithDigits(value, 1)
	case "files/s":
		return humanize.CommafWithDigits(value, 0) + " files/s"
	case "s":
		return humanize.SIWithDigits(value, 2, m.Unit)
	}
	return fmt.Sprintf("%.3f", value)
}
