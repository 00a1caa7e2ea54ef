package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/hw/testbed"
)

// TestLatency plays a few tries; the steps of each add up to its latency.
func TestLatency(t *testing.T) {
	testbed.Require(t)
	result, err := LatencyScenario{Tries: 4, Seed: 1, Pause: 10 * time.Millisecond, Programs: programs(t)}.Run(t.Context(), "v", func(int, int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	row := result.Rows[0]
	for n, latency := range row.Samples["latency_s"] {
		sum := 0.0
		for _, step := range latencySteps {
			sum += row.Samples[step.metric][n]
		}
		if latency <= 0 || abs(sum-latency) > 1e-4 {
			t.Errorf("try %d took %v s, its steps %v", n, latency, sum)
		}
	}
	var table bytes.Buffer
	if err := WriteLatencyTable(&table, result); err != nil || len(row.Samples["latency_s"]) != 4 || !strings.Contains(table.String(), "4 files") {
		t.Errorf("%v\n%s", err, &table)
	}
}

// TestLatencyUnderLoad: urgent files overtake what fills the link, and a load that is over is told.
func TestLatencyUnderLoad(t *testing.T) {
	testbed.Require(t)
	s := LatencyScenario{Tries: 3, Seed: 1, Pause: 10 * time.Millisecond, Rate: 50e6, Load: 256 << 20, Programs: programs(t)}
	result, err := s.Run(t.Context(), "v", func(int, int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	// The load takes 43 s: a file that had waited for it would have taken longer than all of this.
	row := result.Rows[0]
	if len(row.Samples["latency_s"]) != 3 || row.Values["latency_max_s"] > 10 || caseField(row.Name, "load") != "268435456" {
		t.Errorf("%+v", row)
	}
	s.Load = 64 << 10
	if _, err := s.Run(t.Context(), "v", func(int, int, string) {}); !errors.Is(err, errLoadOver) {
		t.Errorf("a load that is over: %v", err)
	}
}

// TestMany plays few of the many files, over a kill of the sender.
func TestMany(t *testing.T) {
	testbed.Require(t)
	s := ManyScenario{Files: 2000, Folders: 10, Seed: 1, Rate: 20e6, Programs: programs(t)}
	result, err := s.Run(t.Context(), "v", func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	row := result.Rows[0]
	if row.Values["files_per_s"] <= 0 || row.Values["restart_s"] <= 0 || row.Values["rss_send_bytes"] < 1<<20 || row.Values["whole_ratio"] != 1 {
		t.Errorf("%+v", row)
	}
	if _, err := (ManyScenario{Files: 1, Folders: 2, Programs: programs(t)}).Run(t.Context(), "v", func(string) {}); !errors.Is(err, ErrScenario) {
		t.Errorf("%v", err)
	}
}

// TestPacing plays a slow rate for a moment: nothing is lost, and not more is sent than was asked.
func TestPacing(t *testing.T) {
	testbed.Require(t)
	result, err := PacingScenario{Rates: []uint64{50e6}, Duration: 100 * time.Millisecond, Samples: 2}.Run(t.Context(), "v", func(int, int, string) {})
	if err != nil {
		t.Fatal(err)
	}
	v := result.Rows[0].Values
	if v["sent_rate_bps"] <= 0 || v["sent_rate_bps"] > 51e6 || v["burst_bytes"] <= 0 || v["lost_packets"] != 0 || v["cpu_sending_ratio"] <= 0 {
		t.Errorf("%+v", v)
	}
}

// TestQuantile: the nearest rank.
func TestQuantile(t *testing.T) {
	var samples []float64
	for n := range 200 {
		samples = append(samples, float64((n*37)%200+1))
	}
	for share, want := range map[float64]float64{0.5: 100, 0.99: 198, 1: 200, 0: 1} {
		if got := quantile(samples, share); got != want {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
}

// TestBallast: it gives way to whoever wants memory, and is not cut while there is enough.
func TestBallast(t *testing.T) {
	if !hasMemoryFolder() {
		t.Skip("no memory file system")
	}
	for name, c := range map[string]struct {
		goal  uint64
		stays bool
	}{"enough": {0, true}, "never enough": {1 << 62, false}} {
		file, err := os.Create(filepath.Join(t.TempDir(), "ballast"))
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Truncate(1 << 20); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		if c.stays {
			stop() // after one look
		}
		b := &ballast{file: file, size: 1 << 20, goal: c.goal}
		err = b.giveWay(ctx)
		stop()
		info, err2 := file.Stat()
		if err := errors.Join(err, err2, file.Close()); err != nil {
			t.Fatal(err)
		}
		if (info.Size() == 1<<20) != c.stays || info.Size() != b.size {
			t.Errorf("%s: it has %d octets", name, info.Size())
		}
	}
	b, err := load(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.drop(), b.drop()); err != nil {
		t.Error(err)
	}
}

// TestBarsGoOn: runs that are there count, those of another version are refused.
func TestBarsGoOn(t *testing.T) {
	dir := t.TempDir()
	write := func(version string, runs int) {
		var text bytes.Buffer
		for range runs {
			r := TransferReport{Pawl: version, Mix: MixRandom, ContentBytes: 1 << 30, MTU: 1500, Rate: 6e9, Seal: sealed, Passes: 1, Intact: true, Goodput: 5e9}
			if err := json.NewEncoder(&text).Encode(&r); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "case-1.json"), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := BarScenario{Cases: []int{1}, Results: dir, Version: "v2"}
	write("v2", someRuns)
	report, err := s.Run(t.Context(), func(line string) { t.Errorf("something was played: %s", line) })
	if err != nil || report.Count(Missed) != 0 || report.Count(Met) != 2 {
		t.Errorf("%+v, %v", report, err)
	}
	write("v1", someRuns)
	if _, err := s.Run(t.Context(), func(string) {}); !errors.Is(err, ErrStale) {
		t.Errorf("%v", err)
	}
}

// TestSparse: the same file twice, with something in each MiB, and no room taken for the rest.
func TestSparse(t *testing.T) {
	var before []byte
	for range 2 {
		dir := t.TempDir()
		name, err := MixSparse.make(dir, 3<<20+5, 9)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || len(text) != 3<<20+5 || before != nil && !bytes.Equal(before, text) {
			t.Fatalf("%d octets, %v, or another file", len(text), err)
		}
		for n := range 3 {
			if bytes.Count(text[n<<20:n<<20+4096], []byte{0}) > 100 || bytes.Trim(text[n<<20+4096:(n+1)<<20], "\x00") != nil {
				t.Errorf("MiB %d is not what it should be", n)
			}
		}
		before = text
	}
}
