package bench

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	before, after := someResult(t, 100, 101, 99, 100, 102), someResult(t, 80, 81, 79, 80, 82)
	c, err := Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Metrics) != 1 {
		t.Fatalf("%+v", c.Metrics) // k is not judged
	}
	d := c.Metrics[0]
	if !d.Clear || d.Few || d.Ratio != 0.8 || math.Abs(d.P-2.0/252) > 0.005 || d.Old != (Spread{5, 100, 99, 102, 1 - 1.0/16}) {
		t.Errorf("%+v", d)
	}
	if len(c.Worse(0.1)) != 1 || len(c.Worse(0.25)) != 0 {
		t.Error("20 % worse is more than 10 % and less than 25 %")
	}
	if c, _ := Compare(after, before); len(c.Worse(0)) != 0 {
		t.Error("better is not worse")
	}
	var text strings.Builder
	if err := c.WriteTable(&text); err != nil || !strings.Contains(text.String(), "0.800") || !strings.Contains(text.String(), "higher is better") {
		t.Errorf("%v\n%s", err, &text)
	}
}

func TestNoiseIsNoDifference(t *testing.T) {
	c, err := Compare(someResult(t, 100, 80, 120, 90, 110, 95), someResult(t, 70, 118, 92, 81, 99, 107))
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Metrics[0]; d.Clear || d.Few || d.ratio() != "~" || len(c.Worse(0)) != 0 || d.Old.Confidence < Confidence {
		t.Errorf("%+v", d)
	}
}

// With too few samples the test can say nothing, and the medians are all there is.
func TestFewSamples(t *testing.T) {
	for n, least := range []float64{3: 0.1, 4: 0.02857142857142857, 5: 0.007936507936507936} {
		if n > 2 && math.Abs(leastP(n, n)-least) > 1e-12 {
			t.Errorf("least p of %d and %d: %v, want %v", n, n, leastP(n, n), least)
		}
	}
	c, err := Compare(someResult(t, 100, 101, 99), someResult(t, 80, 81, 79))
	if err != nil {
		t.Fatal(err)
	}
	if d := c.Metrics[0]; d.Clear || !d.Few || len(c.Worse(0.1)) != 1 {
		t.Errorf("%+v", d)
	}
}

func TestWhatCannotBeCompared(t *testing.T) {
	before, after := someResult(t, 1), someResult(t, 1)
	after.Rows[0].Name = "another"
	if _, err := Compare(before, after); !errors.Is(err, ErrNothingCommon) {
		t.Errorf("no common case: %v", err)
	}
	after.Rows = append(after.Rows, before.Rows[0])
	before.Rows = append(before.Rows, NewRow("gone"))
	after.Machine.CPU = "abacus"
	c, err := Compare(before, after)
	if err != nil || len(c.Gone) != 1 || c.Gone[0] != "gone" || len(c.Notes) != 2 {
		t.Errorf("%v %+v", err, c)
	}
	if err := c.Keep([]string{"nonsense"}); !errors.Is(err, ErrNothingCommon) {
		t.Errorf("a metric that is not there: %v", err)
	}
	after.Kind = KindLink
	if _, err := Compare(before, after); !errors.Is(err, ErrNothingCommon) {
		t.Errorf("two kinds: %v", err)
	}
}
