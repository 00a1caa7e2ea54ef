package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"pawl/hw/testbed"
)

var built struct {
	sync.Once
	dir string
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(built.dir); err != nil { // of "" is nothing
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// programs builds the real programs once and returns their folder.
func programs(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = workFolder(""); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", built.dir+"/",
			"pawl/cmd/pawl-key", "pawl/cmd/pawl-send", "pawl/cmd/pawl-receive", "pawl/cmd/pawl-release")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = err
			t.Logf("%s", out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

// testRate is what a machine that does much else besides still receives without loss: the socket buffer holds seconds of it.
const testRate = 200e6

// TestTransferOfTheRealPrograms plays the cases of the bench in small, over a real one-way link.
func TestTransferOfTheRealPrograms(t *testing.T) {
	testbed.Require(t)
	outages := testbed.Loss{Random: 0.001, Outage: 5 * time.Millisecond, Every: 100 * time.Millisecond}
	tenth, beyond := 0.001, testbed.Loss{Random: 0.2}
	for name, c := range map[string]struct {
		scenario TransferScenario
		whole    bool
	}{
		"no loss":              {TransferScenario{Size: 8 << 20}, true},
		"odd names, loss":      {TransferScenario{Mix: MixOdd, Loss: testbed.Loss{Random: 0.01}}, true},
		"small files, outages": {TransferScenario{Mix: MixSmall, Size: 2 << 20, Loss: outages}, true},
		"jumbo frames":         {TransferScenario{Size: 8 << 20, MTU: 9000, Loss: testbed.Loss{Random: 0.01}}, true},
		"in clear":             {TransferScenario{Size: 8 << 20, Seal: "none"}, true},
		"late receiver":        {TransferScenario{Size: 8 << 20, Late: time.Second, Passes: 2, PassGap: 2 * time.Second}, true},
		"receiver killed":      {TransferScenario{Size: 24 << 20, Rate: 100e6, Kill: true, Passes: 2}, true},
		"two links, one cut":   {TransferScenario{Size: 16 << 20, Rate: 50e6, Links: 2, Survive: 1, Cut: &Cut{Link: 1, At: 0.4}, Loss: testbed.Loss{Random: 0.001}}, true},
		"four, one unplugged":  {TransferScenario{Size: 16 << 20, Rate: 25e6, Links: 4, Survive: 1, Cut: &Cut{Link: 2, At: 0.4, Unplug: true}}, true},
		"cut beyond the plan":  {TransferScenario{Size: 48 << 20, Rate: 100e6, Links: 2, Cut: &Cut{Link: 0, At: 0.1}}, false},
		"beyond the plan":      {TransferScenario{Size: 8 << 20, Loss: beyond, Stated: &tenth}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.scenario.Programs, c.scenario.Seed = programs(t), 1
			if c.scenario.Rate == 0 {
				c.scenario.Rate = testRate
			}
			report, err := c.scenario.Run(t.Context(), func(line string) { t.Log(line) })
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := report.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			t.Log(text.String())
			if report.Intact != c.whole {
				t.Errorf("intact is %v", report.Intact)
			}
			if !c.whole && (report.Missing == nil || report.Missing.Blocks() == 0) {
				t.Errorf("what is missing is not named: %+v", report.Missing)
			}
			if cut := c.scenario.Cut; cut != nil && (!report.WasCut || cut.Unplug != (report.PacketsGivenUp > 0)) {
				t.Errorf("nothing was cut, or it was not noticed: %+v", report)
			}
			if report.ReversePackets != 0 || !report.Balanced || report.PacketsSent == 0 || report.RSSReceive == 0 {
				t.Errorf("the report does not add up: %+v", report)
			}
		})
	}
}

// TestRatesAddUp sends the same over one link and over two of the same rate.
func TestRatesAddUp(t *testing.T) {
	testbed.Require(t)
	crossing := map[int]float64{}
	for _, links := range []int{1, 2} {
		report, err := TransferScenario{Size: 16 << 20, Rate: 60e6, Links: links, Seed: 1, Programs: programs(t)}.Run(t.Context(), func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if !report.Intact {
			t.Fatalf("%d links: %+v", links, report)
		}
		crossing[links] = report.Crossing
	}
	t.Logf("%.1f Mbit/s over one link, %.1f over two", crossing[1]/1e6, crossing[2]/1e6)
	if gain := crossing[2] / crossing[1]; gain < 1.5 || gain > 2.2 {
		t.Errorf("two links are %.2f times one", gain)
	}
}

// TestBadScenario: what contradicts itself is refused before anything is built.
func TestBadScenario(t *testing.T) {
	for name, s := range map[string]TransferScenario{
		"all may be lost":  {Links: 2, Survive: 2},
		"no such link":     {Links: 2, Cut: &Cut{Link: 2}},
		"cut at the end":   {Links: 2, Cut: &Cut{At: 1}},
		"too many links":   {Links: 33},
		"less than none":   {Links: 2, Survive: -1},
		"one that may go":  {Survive: 1},
		"links below zero": {Links: 2, Cut: &Cut{Link: -1}},
	} {
		if _, err := s.Run(t.Context(), func(string) {}); !errors.Is(err, ErrScenario) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDemo plays the demonstration on both of its links.
func TestDemo(t *testing.T) {
	for name, loopback := range map[string]bool{"loopback": true, "testbed": false} {
		t.Run(name, func(t *testing.T) {
			if !loopback {
				testbed.Require(t)
			}
			var told bytes.Buffer
			if err := (DemoScenario{Seed: 1, Loopback: loopback, Programs: programs(t)}).Run(t.Context(), &told); err != nil {
				t.Fatalf("%v\n%s", err, &told)
			}
			if n := strings.Count(told.String(), " identical\n"); n != 2 {
				t.Errorf("%d of 2 entries told identical:\n%s", n, &told)
			}
		})
	}
}
