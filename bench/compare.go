package bench

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
)

// Confidence is that of the intervals of a comparison, and 1 less the alpha of its tests.
const Confidence = 0.95

// Comparison is two results side by side.
type Comparison struct {
	Notes   []string     `json:"notes,omitempty"` // what else differs: machines, settings, cases of one side only
	Gone    []string     `json:"gone,omitempty"`  // cases of the old result that the new one lacks
	Metrics []Difference `json:"differences"`     // by metric, then by case in the order of the new result
}

// Difference is one metric of one case in both results.
type Difference struct {
	Case   string  `json:"case"`
	Metric string  `json:"metric"`
	Old    Spread  `json:"old"`
	New    Spread  `json:"new"`
	Ratio  float64 `json:"ratio"` // of the medians, new to old; 0 when old is 0
	P      float64 `json:"p"`     // of the Mann-Whitney U test: how likely chance alone makes samples this different
	Clear  bool    `json:"clear"` // P is below 1 - Confidence
	Few    bool    `json:"few"`   // too few samples for any P to be that low
}

// Spread is where the samples of a metric lie: the median and an interval that holds the
// true median with the Confidence, or with less when there are too few samples: then it is
// all of them from least to largest, and Confidence says what that is worth, 1 - 2^(1-N).
type Spread struct {
	N          int     `json:"n"`
	Median     float64 `json:"median"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	Confidence float64 `json:"confidence"`
}

// LoadAny reads a result file of any kind, or one with the objects of several transfers.
func LoadAny(file string) (*Result, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r, err := ReadResult(bytes.NewReader(text))
	if err == nil {
		return r, nil
	}
	reports, err2 := ReadTransfers(bytes.NewReader(text))
	if err2 != nil {
		return nil, fmt.Errorf("%s: neither a result (%w) nor transfers (%w)", file, err, err2)
	}
	last := &reports[len(reports)-1]
	return &Result{Pawl: last.Pawl, Kind: KindTransfer, Machine: last.Machine, Rows: TransferRows(reports)}, nil
}

// ErrNothingCommon says that two results have no metric of any case in common.
var ErrNothingCommon = errors.New("nothing to compare")

// Compare puts two results side by side: each judged metric of each case that both have.
func Compare(old, new *Result) (*Comparison, error) {
	if old.Kind != new.Kind {
		return nil, fmt.Errorf("%w: one is of %s, the other of %s", ErrNothingCommon, old.Kind, new.Kind)
	}
	c := &Comparison{Metrics: []Difference{}}
	c.note(old, new)
	rows := map[string]*Row{}
	for i := range old.Rows {
		rows[old.Rows[i].Name] = &old.Rows[i]
	}
	for i := range new.Rows {
		row := &new.Rows[i]
		before := rows[row.Name]
		if before == nil {
			c.Notes = append(c.Notes, "only in the new result: "+row.Name)
			continue
		}
		delete(rows, row.Name)
		c.compareRow(before, row)
	}
	for _, row := range old.Rows {
		if rows[row.Name] != nil {
			c.Gone = append(c.Gone, row.Name)
		}
	}
	if len(c.Metrics) == 0 {
		return nil, fmt.Errorf("%w: no case and metric is in both", ErrNothingCommon)
	}
	slices.SortStableFunc(c.Metrics, func(a, b Difference) int { return strings.Compare(a.Metric, b.Metric) })
	return c, nil
}

// note enters what differs between the runs themselves.
func (c *Comparison) note(old, new *Result) {
	if old.Machine.Go != "" && new.Machine.Go != "" { // transfers alone do not say
		for _, d := range old.Machine.Differs(new.Machine) {
			c.Notes = append(c.Notes, "machine differs: "+d)
		}
	}
	for _, key := range sortedKeys(old.Settings) {
		if value, ok := new.Settings[key]; ok && value != old.Settings[key] {
			c.Notes = append(c.Notes, fmt.Sprintf("setting differs: %s: %s, %s", key, old.Settings[key], value))
		}
	}
}

func (c *Comparison) compareRow(old, new *Row) {
	for _, name := range sortedKeys(new.Values) {
		if _, both := old.Values[name]; !both || MetricOf(name).Better == Neutral {
			continue
		}
		a, b := old.sample(name), new.sample(name)
		d := Difference{Case: new.Name, Metric: name, Old: spreadOf(a), New: spreadOf(b)}
		if d.Old.Median != 0 {
			d.Ratio = d.New.Median / d.Old.Median
		}
		test := benchmath.AssumeNothing.Compare(a, b)
		d.P = test.P
		d.Clear = test.P < test.Alpha
		d.Few = leastP(len(a.Values), len(b.Values)) >= test.Alpha
		c.Metrics = append(c.Metrics, d)
	}
}

// sample is what a row has of a metric: its samples, or its value as the only one.
func (r *Row) sample(metric string) *benchmath.Sample {
	values := r.Samples[metric]
	if len(values) == 0 {
		values = []float64{r.Values[metric]}
	}
	t := benchmath.DefaultThresholds
	t.CompareAlpha = 1 - Confidence
	return benchmath.NewSample(slices.Clone(values), &t) // it sorts what it is given
}

// leastP is the smallest p-value that the two-sided exact U test can give: both orders that
// have one sample wholly before the other, of all C(n+m, n).
func leastP(n, m int) float64 {
	orders := 1.0
	for i := 1; i <= n; i++ {
		orders *= float64(m+i) / float64(i)
	}
	return 2 / orders
}

func spreadOf(s *benchmath.Sample) Spread {
	n := len(s.Values)
	sum := benchmath.AssumeNothing.Summary(s, Confidence)
	spread := Spread{N: n, Median: median(s.Values), Low: sum.Lo, High: sum.Hi, Confidence: sum.Confidence}
	if math.IsInf(sum.Lo, 0) || math.IsInf(sum.Hi, 0) || n == 1 {
		spread.Low, spread.High = s.Values[0], s.Values[n-1]
		spread.Confidence = 1 - math.Pow(2, float64(1-n))
	}
	return spread
}

// Worse lists what got worse by more than a share, as 0.1: clearly, or, where there are too
// few samples to be clear about anything, by its medians.
func (c *Comparison) Worse(share float64) (worse []Difference) {
	for _, d := range c.Metrics {
		if (d.Clear || d.Few) && MetricOf(d.Metric).Worse(d.Old.Median, d.New.Median) > share {
			worse = append(worse, d)
		}
	}
	return worse
}

// Keep leaves only the named metrics, all of which must be there.
func (c *Comparison) Keep(metrics []string) error {
	for _, name := range metrics {
		if !slices.ContainsFunc(c.Metrics, func(d Difference) bool { return d.Metric == name }) {
			return fmt.Errorf("%w: no case of both has the judged metric %q", ErrNothingCommon, name)
		}
	}
	c.Metrics = slices.DeleteFunc(c.Metrics, func(d Difference) bool { return !slices.Contains(metrics, d.Metric) })
	return nil
}
