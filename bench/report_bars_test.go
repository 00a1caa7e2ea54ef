package bench

import (
	"strings"
	"testing"
)

// judgedAs are the judgements of a case's metric.
func judgedAs(results []*Result, number int, metric string) (all []Judged) {
	for _, j := range judge(results) {
		if j.Number == number && j.Metric == metric {
			all = append(all, j)
		}
	}
	return all
}

func runsOf(n int, report TransferReport) *Result {
	reports := make([]TransferReport, n)
	for i := range reports {
		reports[i] = report
	}
	return &Result{Kind: KindTransfer, Rows: TransferRows(reports)}
}

// TestBarsOfTransfers: every case of the table is found, whole and short, quick and slow; and one that looks like it is not.
func TestBarsOfTransfers(t *testing.T) {
	plain := TransferReport{Mix: MixRandom, ContentBytes: 1 << 30, MTU: 1500, Rate: 6e9, Links: 1, Seal: sealed, Passes: 1, Intact: true,
		Goodput: 4.1e9, CPUSend: 1, RepairRatio: 0.1, PlannedRatio: 0.1, RSSSend: 100 << 20}
	with := func(change func(*TransferReport)) TransferReport {
		r := plain
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		report TransferReport
		runs   int
		number int
		metric string
		want   Judgement // "": is no such case
	}{
		"1":             {plain, 5, 1, "goodput_bps", Met},
		"1, too few":    {plain, 4, 1, "goodput_bps", Few},
		"1, slow":       {with(func(r *TransferReport) { r.Goodput = 3.99e9 }), 5, 1, "goodput_bps", Missed},
		"1, dear":       {with(func(r *TransferReport) { r.CPUReceive = 2.9 }), 5, 1, "cpu_total_s_per_gb", Missed},
		"1, in halves":  {with(func(r *TransferReport) { r.Halves = true }), 5, 1, "goodput_bps", ""},
		"1, on disk":    {with(func(r *TransferReport) { r.HighDisk = true }), 5, 1, "goodput_bps", ""},
		"1, two links":  {with(func(r *TransferReport) { r.Links = 2 }), 5, 1, "goodput_bps", ""},
		"1, small":      {with(func(r *TransferReport) { r.ContentBytes = 1 << 20 }), 5, 1, "goodput_bps", ""},
		"2":             {with(func(r *TransferReport) { r.Loss, r.Stated = 0.01, 0.01 }), 20, 2, "whole_ratio", Met},
		"2, surprised":  {with(func(r *TransferReport) { r.Loss, r.Stated = 0.01, 0 }), 20, 2, "whole_ratio", ""},
		"3":             {with(func(r *TransferReport) { r.MTU = 9000 }), 5, 3, "goodput_bps", Missed},
		"4":             {with(func(r *TransferReport) { r.Seal, r.Goodput = "none", 5e9 }), 5, 4, "goodput_bps", Met},
		"5, outages":    {with(func(r *TransferReport) { r.Loss, r.Stated, r.Outage, r.Every = 0.005, 0.005, 0.02, 1 }), 20, 5, "whole_ratio", Met},
		"5, not whole":  {with(func(r *TransferReport) { r.Loss, r.Stated, r.Intact = 0.05, 0.05, false }), 20, 5, "whole_ratio", Missed},
		"8, no twin":    {with(func(r *TransferReport) { r.Mix, r.ContentBytes, r.HighDisk = MixSparse, 20<<30, true }), 5, 8, "goodput_bps", Alone},
		"8, memory":     {with(func(r *TransferReport) { r.ContentBytes, r.RSSSend = 20<<30, 257<<20 }), 5, 8, "rss_send_bytes", Missed},
		"10":            {with(func(r *TransferReport) { r.Rate, r.Links, r.Survive, r.WasCut = 1e9, 2, 1, true }), 5, 10, "whole_ratio", Met},
		"10, never cut": {with(func(r *TransferReport) { r.Rate, r.Links, r.Survive = 1e9, 2, 1 }), 5, 10, "whole_ratio", ""},
	} {
		got := judgedAs([]*Result{runsOf(c.runs, c.report)}, c.number, c.metric)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0].Judgement != c.want) {
			t.Errorf("%s: %+v, want %q", name, got, c.want)
		}
	}
}

// TestBarsOfOthers: urgent files are no files on an idle link, and a million is a million.
func TestBarsOfOthers(t *testing.T) {
	row := NewRow("latency/bytes=1024/mtu=1500/rate=1000000000/seal=aes-256-gcm/loss=0/load=10737418240")
	row.Values["content_bytes"] = 1024
	row.Values["latency_p99_s"] = 0.24
	for range urgentTries {
		row.Samples["latency_s"] = append(row.Samples["latency_s"], 0.2)
	}
	many := NewRow("many")
	many.Values["files"], many.Values["content_bytes"] = 1e6, 1024e6
	many.Sample("rss_send_bytes", 513<<20)
	results := []*Result{{Kind: KindLatency, Rows: []Row{row}}, {Kind: KindMany, Rows: []Row{many}}}
	if j := judgedAs(results, 11, "latency_p99_s"); len(j) != 1 || j[0].Judgement != Met {
		t.Errorf("%+v", j)
	}
	if j := judgedAs(results, 7, "latency_p99_s"); len(j) != 0 {
		t.Errorf("%+v", j)
	}
	if j := judgedAs(results, 12, "rss_send_bytes"); len(j) != 1 || j[0].Judgement != Missed {
		t.Errorf("%+v", j)
	}
}

// TestBarsCompare: what is a share of another figure, of another file or of the planner.
func TestBarsCompare(t *testing.T) {
	one := TransferReport{Mix: MixRandom, ContentBytes: 1 << 30, MTU: 1500, Rate: 6e9, Seal: sealed, Passes: 1, Intact: true, Goodput: 4e9}
	small, large, twin, lossy := one, one, one, one
	small.Mix, small.ContentBytes, small.Goodput = MixSmall, 10_000*smallFile, 1.59e9
	large.Mix, large.ContentBytes, large.HighDisk, large.Goodput = MixSparse, 20<<30, true, 2.8e9
	twin.Mix, twin.HighDisk, twin.Goodput = MixSparse, true, 3e9
	lossy.Loss, lossy.Stated, lossy.RepairRatio, lossy.PlannedRatio = 0.05, 0.05, 0.12, 0.11
	results := []*Result{runsOf(5, one), runsOf(5, small), runsOf(5, large), runsOf(5, twin), runsOf(20, lossy)}
	if j := judgedAs(results, 6, "goodput_bps"); len(j) != 1 || j[0].Judgement != Missed || !strings.Contains(j[0].Bar, "1.6 Gbit/s (40 % of case 1)") {
		t.Errorf("%+v", j)
	}
	if j := judgedAs(results, 8, "goodput_bps"); len(j) != 1 || j[0].Judgement != Met {
		t.Errorf("%+v", j)
	}
	j := judgedAs(results, 5, "repair_ratio")
	if len(j) != 2 || j[0].Judgement != Met || j[1].Judgement != Missed || !strings.Contains(j[1].Bar, "planned") {
		t.Errorf("%+v", j)
	}
	if j := judgedAs(results, 5, "whole_ratio"); len(j) != 1 || j[0].Figure != "20 of 20 whole" {
		t.Errorf("%+v", j)
	}
}
