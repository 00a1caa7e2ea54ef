package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"pawl/fec"
)

var update = flag.Bool("update", false, "write the worked tables of docs/planner.md anew")

const plannerPage = "../docs/planner.md"

// worked are the tables of docs/planner.md, by the comment that stands before each.
var worked = []struct {
	name     string
	scenario PlanScenario
}{
	{"clean", PlanScenario{Rate: 1e9, MTU: 1500}},
	{"loss", PlanScenario{Loss: 0.01, Rate: 1e9, MTU: 1500}},
	{"outages", PlanScenario{Loss: 0.001, Burst: 5 * time.Millisecond, BurstEvery: 100 * time.Millisecond, Rate: 2.5e9, MTU: 1500}},
	{"long outages", PlanScenario{Loss: 0.005, Burst: 20 * time.Millisecond, Rate: 2e9, MTU: 1500}},
	{"bad", PlanScenario{Loss: 0.2, Rate: 1e9, MTU: 1500, Sizes: []uint64{10 << 10, 100 << 20, 1 << 30}}},
	{"four links", PlanScenario{Loss: 0.005, Burst: 5 * time.Millisecond, Rate: 1e9, MTU: 1500, Links: 4, Survive: 1}},
	{"two links", PlanScenario{Loss: 0.005, Burst: 5 * time.Millisecond, Rate: 1e9, MTU: 1500, Links: 2, Survive: 1, Sizes: []uint64{10 << 10, 10 << 20, 1 << 30}}},
	{"impossible", PlanScenario{Loss: 0.005, Burst: 500 * time.Millisecond, Rate: 2e9, MTU: 1500, Sizes: []uint64{1 << 30}}},
}

// TestPlannerPage holds the tables of docs/planner.md to what the planner says today.
func TestPlannerPage(t *testing.T) {
	old, err := os.ReadFile(plannerPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(old)
	for _, w := range worked {
		report, err := w.scenario.Run()
		if err != nil {
			t.Fatal(err)
		}
		var table bytes.Buffer
		if err := report.WriteTable(&table); err != nil {
			t.Fatal(err)
		}
		mark := "<!-- table: " + w.name + " -->\n```\n"
		before, rest, found := strings.Cut(page, mark)
		was, after, closed := strings.Cut(rest, "```\n")
		if !found || !closed {
			t.Errorf("%s has no table %q", plannerPage, w.name)
			continue
		}
		if was != table.String() && !*update {
			t.Errorf("table %q of %s is not what the planner says (-update writes it):\n%s", w.name, plannerPage, table.String())
		}
		page = before + mark + table.String() + "```\n" + after
	}
	if *update && page != string(old) {
		if err := os.WriteFile(plannerPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanReport(t *testing.T) {
	report, err := PlanScenario{Loss: 0.01, Burst: 5 * time.Millisecond, Rate: 1e9, MTU: 1500}.Run()
	if err != nil {
		t.Fatal(err)
	}
	if report.SymbolSize != 1408 || report.WireSize != 1538 || len(report.Objects) != len(PlanSizes) || report.Failure != fec.DefaultFailure {
		t.Errorf("%+v", report)
	}
	for i, o := range report.Objects {
		if o.Size != PlanSizes[i] || o.Error != "" || o.K < 1 || o.R < 2 || o.Residual <= 0 || o.Residual > 1e-12/3 {
			t.Errorf("%+v", o)
		}
	}
	data, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var again PlanReport
	if err := json.Unmarshal(data, &again); err != nil || len(again.Objects) != len(report.Objects) || again.Objects[6] != report.Objects[6] {
		t.Errorf("%s: %v", data, err)
	}

	hand := &fec.Plan{Code: fec.Leopard8, K: 200, R: 20, Depth: 40}
	judged, err := PlanScenario{Loss: 0.01, Rate: 1e9, MTU: 9000, Sizes: []uint64{1 << 30}, Hand: hand}.Run()
	if err != nil || judged.Objects[0].R != 20 || judged.Objects[0].Residual < 1e-12 || judged.SymbolSize != 8896 {
		t.Errorf("%+v, %v", judged, err)
	}
	if _, err := (PlanScenario{MTU: 576}).Run(); err == nil {
		t.Error("an MTU of 576 has no symbols")
	}
}
