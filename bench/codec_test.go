package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pawl/fec"
)

func TestCodecScenario(t *testing.T) {
	s := CodecScenario{Geometries: []Geometry{{fec.Leopard8, 10, 4, 64}, {fec.Classic, 3, 5, 64}, {fec.Leopard16, 300, 2, 64}}, Seed: 7, Samples: 2, Time: time.Millisecond}
	steps := 0
	r, err := s.Run(t.Context(), "v0", func(int, int, string) { steps++ })
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := errors.Join(r.check(), WriteCodecTable(&text, r)); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 3 || steps != 4 || !strings.Contains(text.String(), "leopard8/k=10/r=4/t=64") {
		t.Errorf("%d rows, %d steps\n%s", len(r.Rows), steps, &text)
	}
	for _, row := range r.Rows {
		for _, metric := range []string{"encode_gb_per_cpu_s", "rebuild_none_gb_per_cpu_s", "rebuild_few_gb_per_cpu_s", "rebuild_max_gb_per_cpu_s"} {
			if len(row.Samples[metric]) != 2 || row.Values[metric] <= 0 {
				t.Errorf("%s %s: %v", row.Name, metric, row.Samples[metric])
			}
		}
	}
	if r.Rows[1].Values["max_symbols"] != 3 {
		t.Error("R above K: no more than K symbols can be lost")
	}
}

func TestCodecGeometriesExist(t *testing.T) {
	for _, g := range CodecGeometries() {
		if err := fec.Check(g.Code, g.K, g.R); err != nil {
			t.Errorf("%v: %v", g, err)
		}
	}
	s := CodecScenario{Geometries: []Geometry{{fec.Leopard8, 200, 60, 64}}}
	if _, err := s.Run(t.Context(), "v0", func(int, int, string) {}); !errors.Is(err, fec.ErrGeometry) {
		t.Errorf("a geometry that does not exist: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s = CodecScenario{Geometries: []Geometry{{fec.Classic, 2, 1, 64}}}
	if _, err := s.Run(ctx, "v0", func(int, int, string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// The clock of the measurements counts work and not waiting.
func TestCPUTime(t *testing.T) {
	before, err := cpuTime()
	if err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); time.Since(begun) < 30*time.Millisecond; {
	}
	after, err := cpuTime()
	if err != nil || after-before < 5*time.Millisecond { // others want the core as well
		t.Errorf("30 ms of work: %v CPU time, %v", after-before, err)
	}
}
