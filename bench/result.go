package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
)

// Kind is the scenario that a result comes from.
type Kind string

// The kinds of results.
const (
	KindCodec     Kind = "codec"
	KindLink      Kind = "link"
	KindTransfer  Kind = "transfer"
	KindCalibrate Kind = "calibrate"
	KindLatency   Kind = "latency"
	KindPacing    Kind = "pacing"
	KindMany      Kind = "many"
)

// Result is what a scenario measured, in the one form of all result files: what "--json"
// writes, and compare and report read.
type Result struct {
	Pawl     string            `json:"pawl"` // version of the program
	Kind     Kind              `json:"kind"`
	Machine  Machine           `json:"machine"`
	Settings map[string]string `json:"settings"` // what was asked for, for people: the names of the flags
	Rows     []Row             `json:"rows"`
}

// Row is one case of a scenario. Metrics are flat names that end in their unit, as
// goodput_bps and cpu_send_s_per_gb; MetricOf tells unit and direction.
type Row struct {
	Name       string               `json:"name"`                 // says the whole case, so that it is found again in another file: "leopard8/k=200/r=20/t=1408"
	Values     map[string]float64   `json:"values"`               // the median where there are samples
	Samples    map[string][]float64 `json:"samples,omitempty"`    // in the order of time
	Histograms map[string][]Bin     `json:"histograms,omitempty"` // ascending in At
}

// Bin is how often a value was seen.
type Bin struct {
	At    float64 `json:"at"` // the largest value that counts here
	Count uint64  `json:"count"`
}

// ErrResult says that a file is no result of pawl-bench.
var ErrResult = errors.New("not a result of pawl-bench")

// NewResult begins the result of a scenario on this machine; version is that of the program.
func NewResult(version string, kind Kind) (*Result, error) {
	machine, err := ReadMachine()
	if err != nil {
		return nil, err
	}
	return &Result{Pawl: version, Kind: kind, Machine: machine, Settings: map[string]string{}, Rows: []Row{}}, nil
}

// NewRow makes an empty row.
func NewRow(name string) Row {
	return Row{Name: name, Values: map[string]float64{}, Samples: map[string][]float64{}, Histograms: map[string][]Bin{}}
}

// Sample adds a sample of a metric and sets its value to the median of all so far.
func (r *Row) Sample(metric string, value float64) {
	r.Samples[metric] = append(r.Samples[metric], value)
	r.Values[metric] = median(r.Samples[metric])
}

// median is the middle value, or the mean of the two in the middle; values has at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Write writes the result as indented JSON; a result that Read would refuse is an ErrResult.
func (r *Result) Write(w io.Writer) error {
	if err := r.check(); err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(r)
}

// Save writes the result to a file, "-" for stdout.
func (r *Result) Save(file string, stdout io.Writer) error {
	if file == "-" {
		return r.Write(stdout)
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.WriteFile(file, text.Bytes(), 0o644)
}

// ReadResult reads what Write wrote and nothing else: an unknown key, a missing one or
// something behind the end is an ErrResult.
func ReadResult(from io.Reader) (*Result, error) {
	in := json.NewDecoder(from)
	in.DisallowUnknownFields()
	r := new(Result)
	if err := in.Decode(r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrResult, err)
	}
	if _, err := in.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", ErrResult)
	}
	return r, r.check()
}

// Load reads a result file.
func Load(file string) (*Result, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := ReadResult(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

var metricName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// check says what keeps r from being a result.
func (r *Result) check() error {
	switch {
	case !slices.Contains([]Kind{KindCodec, KindLink, KindTransfer, KindCalibrate, KindLatency, KindPacing, KindMany}, r.Kind):
		return fmt.Errorf("%w: kind %q", ErrResult, r.Kind)
	case r.Pawl == "" || r.Machine.Go == "" || r.Machine.Date.IsZero():
		return fmt.Errorf("%w: it does not say version, machine and date", ErrResult)
	case r.Rows == nil:
		return fmt.Errorf("%w: no rows", ErrResult)
	}
	seen := map[string]bool{}
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.Name == "" || seen[row.Name] {
			return fmt.Errorf("%w: row %d has no name of its own (%q)", ErrResult, i+1, row.Name)
		}
		seen[row.Name] = true
		if err := row.check(); err != nil {
			return fmt.Errorf("%w: row %q: %w", ErrResult, row.Name, err)
		}
	}
	return nil
}

func (r *Row) check() error {
	for _, metrics := range [][]string{sortedKeys(r.Values), sortedKeys(r.Samples), sortedKeys(r.Histograms)} {
		for _, metric := range metrics {
			if !metricName.MatchString(metric) {
				return fmt.Errorf("metric %q: lower case, digits and single underscores only", metric)
			}
		}
	}
	for metric, samples := range r.Samples {
		if _, ok := r.Values[metric]; !ok || len(samples) == 0 {
			return fmt.Errorf("metric %q: samples need a value, and at least one sample", metric)
		}
	}
	for metric, bins := range r.Histograms {
		if !slices.IsSortedFunc(bins, func(a, b Bin) int { return cmp.Compare(a.At, b.At) }) {
			return fmt.Errorf("histogram %q: not ascending", metric)
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
