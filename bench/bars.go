package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pawl/hw/testbed"
)

// BarCases are the numbers of the cases that have bars.
func BarCases() []int { return []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12} }

// BarScenario plays the cases of the table of bars, each as often as it asks, and leaves a result file for each. What is there already
// from an earlier run of the same program counts, so that a run that was stopped goes on.
type BarScenario struct {
	Cases   []int  // nil: all
	Runs    int    // of each case; 0: as the case asks
	Rate    uint64 // bit/s on the wire of the cases whose rate is not their subject; 0: as the case says
	Results string // folder of the result files, made if it is not there
	Disk    string // folder on a disk, for the case that memory can't hold
	Fresh   bool   // begin anew
	Version string // of the program
}

// ErrStale says that results are of another version of the program.
var ErrStale = errors.New("results are of another version")

// barPlay is one file of results.
type barPlay struct {
	number   int
	file     string
	runs     int
	scenario *TransferScenario // nil: latency or pacing, by number
}

// plays are all files of results. Rates are a little above what the bar asks for on the wire: a sender that is much too fast for the
// receiver of this machine loses packets, which no plan for the loss of a link is for.
func (s *BarScenario) plays() (all []barPlay) {
	add := func(number int, file string, runs int, t TransferScenario) {
		t.Seed, t.Version = 1, s.Version
		if s.Rate > 0 && t.Rate > 2.5e9 {
			t.Rate = s.Rate
		}
		all = append(all, barPlay{number, file, runs, &t})
	}
	add(1, "case-1", someRuns, TransferScenario{Rate: 6e9})
	add(2, "case-2", manyRuns, TransferScenario{Rate: 6e9, Loss: testbed.Loss{Random: 0.01}})
	add(3, "case-3", someRuns, TransferScenario{Rate: 7e9, MTU: 9000})
	add(4, "case-4", someRuns, TransferScenario{Rate: 7e9, Seal: "none"})
	add(5, "case-5-random", manyRuns, TransferScenario{Rate: 2.5e9, Loss: testbed.Loss{Random: 0.05}})
	add(5, "case-5-outages", manyRuns, TransferScenario{Rate: 2.5e9, Loss: testbed.Loss{Random: 0.005, Outage: 20 * time.Millisecond, Every: time.Second}})
	add(6, "case-6", someRuns, TransferScenario{Rate: 6e9, Mix: MixSmall})
	all = append(all, barPlay{7, "case-7", 1, nil})
	add(8, "case-8-small", someRuns, TransferScenario{Rate: 6e9, Mix: MixSparse, Size: 1 << 30, High: s.Disk})
	add(8, "case-8", someRuns, TransferScenario{Rate: 6e9, Mix: MixSparse, High: s.Disk})
	all = append(all, barPlay{9, "case-9", 1, nil})
	add(10, "case-10", someRuns, TransferScenario{Rate: 1e9, Links: 2, Survive: 1, Cut: &Cut{Link: 1, At: 0.5}})
	all = append(all, barPlay{11, "case-11", 1, nil}, barPlay{12, "case-12", 1, nil})
	if s.Runs > 0 {
		for i := range all {
			if all[i].scenario != nil {
				all[i].runs = s.Runs
			}
		}
	}
	return all
}

// Run plays what is missing of the cases and reports all results of the folder that have the form of one; say hears of each run.
func (s BarScenario) Run(ctx context.Context, say func(line string)) (*Report, error) {
	if err := os.MkdirAll(s.Results, 0o755); err != nil {
		return nil, err
	}
	if s.Cases == nil {
		s.Cases = BarCases()
	}
	for _, p := range s.plays() {
		if !slices.Contains(s.Cases, p.number) {
			continue
		}
		var err error
		switch {
		case p.scenario != nil:
			err = s.transfers(ctx, &p, say)
		case p.number == 7:
			err = s.once(&p, say, func(say func(int, int, string)) (*Result, error) {
				return LatencyScenario{Seed: 1}.Run(ctx, s.Version, say)
			})
		case p.number == 11:
			err = s.once(&p, say, func(say func(int, int, string)) (*Result, error) {
				return LatencyScenario{Seed: 1, Tries: urgentTries, Load: urgentLoad}.Run(ctx, s.Version, say)
			})
		case p.number == 12:
			err = s.once(&p, say, func(func(int, int, string)) (*Result, error) {
				return ManyScenario{Seed: 1}.Run(ctx, s.Version, say)
			})
		default:
			rates := []uint64{10e6, 100e6, 1e9, 2.5e9, 5e9, 10e9}
			err = s.once(&p, say, func(say func(int, int, string)) (*Result, error) {
				return PacingScenario{Rates: rates}.Run(ctx, s.Version, say)
			})
		}
		if err != nil {
			return nil, fmt.Errorf("case %d: %w", p.number, err)
		}
	}
	return ReportFolder(s.Results)
}

// ReportFolder is a report of all result files of a folder.
func ReportFolder(folder string) (*Report, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	results := make([]*Result, len(files))
	for i, file := range files {
		if results[i], err = LoadAny(file); err != nil {
			return nil, err
		}
	}
	return NewReport(files, results), nil
}

func (s *BarScenario) path(p *barPlay) string { return filepath.Join(s.Results, p.file+".json") }

// transfers plays a transfer until its file has as many as it should; the file is whole after each.
func (s *BarScenario) transfers(ctx context.Context, p *barPlay, say func(line string)) error {
	file := s.path(p)
	reports, err := s.earlier(file)
	if err != nil {
		return err
	}
	for n := len(reports); n < p.runs; n++ {
		say(fmt.Sprintf("case %d, %s: run %d of %d", p.number, p.file, n+1, p.runs))
		report, err := p.scenario.Run(ctx, func(string) {})
		if err != nil {
			return err
		}
		say(fmt.Sprintf("  %.2f Gbit/s, %.2f CPU s/GB, whole: %v", report.Goodput/1e9, report.CPUSend+report.CPUReceive+report.CPURelease, report.Intact))
		reports = append(reports, *report)
		var text bytes.Buffer
		out := json.NewEncoder(&text)
		out.SetIndent("", "  ")
		for i := range reports {
			if err := out.Encode(&reports[i]); err != nil {
				return err
			}
		}
		if err := replaceFile(file, text.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// earlier are the transfers that a file holds already.
func (s *BarScenario) earlier(file string) ([]TransferReport, error) {
	if s.Fresh {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reports, err := ReadTransfers(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return reports, s.sameVersion(file, reports[0].Pawl)
}

func (s *BarScenario) sameVersion(file, version string) error {
	if version != s.Version {
		return fmt.Errorf("%w: %s is of %q, this is %q: begin anew with --fresh", ErrStale, file, version, s.Version)
	}
	return nil
}

// once plays what measures all of its samples in one go, unless its file is there.
func (s *BarScenario) once(p *barPlay, say func(line string), play func(say func(int, int, string)) (*Result, error)) error {
	file := s.path(p)
	earlier, err := Load(file)
	if err == nil && !s.Fresh {
		return s.sameVersion(file, earlier.Pawl)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !s.Fresh {
		return err
	}
	last := time.Time{}
	result, err := play(func(done, total int, line string) {
		if now := time.Now(); now.Sub(last) > 5*time.Second || done == total {
			last = now
			say(fmt.Sprintf("case %d: %d of %d, %s", p.number, done, total, line))
		}
	})
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := result.Write(&text); err != nil {
		return err
	}
	return replaceFile(file, text.Bytes())
}

// replaceFile writes a file in one step: a run that is stopped leaves the old one.
func replaceFile(file string, text []byte) error {
	if err := os.WriteFile(file+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
