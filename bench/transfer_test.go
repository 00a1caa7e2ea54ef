package bench

import (
	"bytes"
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
		"beyond the plan":      {TransferScenario{Size: 8 << 20, Loss: beyond, Stated: &tenth}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.scenario.Programs, c.scenario.Seed = programs(t), 1
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
			if report.ReversePackets != 0 || !report.Balanced || report.PacketsSent == 0 || report.RSSReceive == 0 {
				t.Errorf("the report does not add up: %+v", report)
			}
		})
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
