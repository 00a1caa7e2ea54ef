package bench

import (
	"fmt"
	"strings"
)

// bar is what a figure must reach: the table in issue 3 of the project, "at the speed of the line". A bar with neither least nor most is
// shown and not judged.
type bar struct {
	number int
	is     string // the case, for people
	kind   Kind   // "" is KindTransfer
	of     func(name string, row *Row) bool
	metric string
	least  float64 // 0: none
	most   float64 // 0: none
	runs   int     // the least number of samples that count
	worst  bool    // every sample must reach it, not the median
	than   *than   // least and most are shares of another figure
}

// than is the figure that a bar is a share of.
type than struct {
	words string
	// find is the figure, among all rows or in the row that is judged itself.
	find func(rows []*Row, judged *Row) (value float64, found bool)
}

const (
	sealed = "aes-256-gcm"

	someRuns  = 5  // for a median
	manyRuns  = 20 // for what must never fail
	manyTries = 200

	urgentTries = 100
	urgentLoad  = 10 << 30 // octets that are on their way when a file is urgent

	// promille is what sessions, beats, plan and proof may add to the packets that the planner spoke of, of 1 GiB.
	promille = 0.001
)

// theCase is a transfer of the whole path over one link, all folders in one place, planned for the loss there is and received from the start.
func theCase(mix Mix, mtu, loss float64, seal string) func(string, *Row) bool {
	return func(name string, row *Row) bool {
		for _, other := range []string{"/outage=", "/stated=", "/late=", "/killed", "/links=", "/high=", "/halves"} {
			if strings.Contains(name, other) {
				return false
			}
		}
		return strings.HasPrefix(name, string(mix)+"/") && caseField(name, "seal") == seal && caseField(name, "passes") == "1" &&
			row.Values["mtu"] == mtu && row.Values["loss"] == loss
	}
}

// plainCase is 1 GiB of it.
func plainCase(mtu, loss float64, seal string) func(string, *Row) bool {
	of := theCase(MixRandom, mtu, loss, seal)
	return func(name string, row *Row) bool { return row.Values["content_bytes"] == 1<<30 && of(name, row) }
}

func outageCase(name string, row *Row) bool {
	return strings.HasPrefix(name, string(MixRandom)+"/") && caseField(name, "outage") == "0.02s" && row.Values["loss"] == 0.005
}

func smallCase(name string, row *Row) bool {
	return row.Values["content_bytes"] == 10_000*smallFile && theCase(MixSmall, 1500, 0, sealed)(name, row)
}

func largeCase(name string, row *Row) bool {
	return row.Values["content_bytes"] >= 20<<30 && row.Values["loss"] == 0 && caseField(name, "seal") == sealed && caseField(name, "late") == ""
}

func cutCase(name string, _ *Row) bool {
	return strings.Contains(name, "/rate=1000000000/") && strings.HasSuffix(name, "/links=2/survive=1/cut")
}

func latencyCase(name string, row *Row) bool {
	return row.Values["content_bytes"] == 1024 && row.Values["loss"] == 0 && caseField(name, "load") == ""
}

func urgentCase(name string, row *Row) bool {
	return row.Values["content_bytes"] == 1024 && row.Values["loss"] == 0 && caseField(name, "rate") == "1000000000" && caseField(name, "load") == fmt.Sprint(urgentLoad)
}

func manyCase(_ string, row *Row) bool {
	return row.Values["files"] == 1_000_000 && row.Values["content_bytes"] == 1_000_000*1024
}

func pacedCase(rate float64) func(string, *Row) bool {
	return func(_ string, row *Row) bool { return row.Values["asked_rate_bps"] == rate }
}

// ofCase1 is the goodput of case 1.
var ofCase1 = &than{"of case 1", func(rows []*Row, _ *Row) (float64, bool) {
	return best(rows, "goodput_bps", plainCase(1500, 0, sealed))
}}

// ofSmallTwin is the goodput of 1 GiB that was sent just as the large file was.
var ofSmallTwin = &than{"of 1 GiB in the same place", func(rows []*Row, judged *Row) (float64, bool) {
	return best(rows, "goodput_bps", func(name string, row *Row) bool {
		mix, _, _ := strings.Cut(judged.Name, "/")
		_, after, _ := strings.Cut(judged.Name, "/mtu=")
		return row.Values["content_bytes"] == 1<<30 && strings.HasPrefix(name, mix+"/") && strings.HasSuffix(name, "/mtu="+after)
	})
}}

// ofPlan is what the planner said of the row.
var ofPlan = &than{"planned", func(_ []*Row, judged *Row) (float64, bool) {
	planned, found := judged.Values["planned_ratio"]
	return planned + promille, found
}}

// best is the highest value of a metric of the rows of a case.
func best(rows []*Row, metric string, of func(string, *Row) bool) (most float64, found bool) {
	for _, row := range rows {
		if value, there := row.Values[metric]; there && of(row.Name, row) {
			most, found = max(most, value), true
		}
	}
	return most, found
}

// speeds are the bars of a case that is about speed; goodput and cost may be 0 for none. How fast the content crossed and was verified is shown.
func speeds(number int, is string, of func(string, *Row) bool, goodput, cost float64) (all []bar) {
	all = append(all, bar{number: number, is: is, of: of, metric: "goodput_bps", least: goodput, runs: someRuns},
		bar{number: number, is: is, of: of, metric: "verified_bps"}, bar{number: number, is: is, of: of, metric: "crossing_bps"})
	return append(all, bar{number: number, is: is, of: of, metric: "cpu_total_s_per_gb", most: cost, runs: someRuns})
}

// wholes are the bars of a case that must always arrive, at a bounded overhead.
func wholes(is string, of func(string, *Row) bool) []bar {
	return []bar{
		{number: 5, is: is, of: of, metric: "whole_ratio", least: 1, runs: manyRuns},
		{number: 5, is: is, of: of, metric: "repair_ratio", most: 0.15, runs: manyRuns, worst: true},
		{number: 5, is: is, of: of, metric: "repair_ratio", most: 1, than: ofPlan, runs: manyRuns, worst: true},
		{number: 5, is: is, of: of, metric: "overhead_ratio"},
		{number: 5, is: is, of: of, metric: "goodput_bps"},
	}
}

// asks are all bars.
func asks() (all []bar) {
	all = append(all, speeds(1, "MTU 1500, no loss", plainCase(1500, 0, sealed), 4e9, 3.8)...)
	one := plainCase(1500, 0.01, sealed)
	all = append(all, speeds(2, "MTU 1500, 1 % loss", one, 3.5e9, 4.3)...)
	all = append(all, bar{number: 2, is: "MTU 1500, 1 % loss", of: one, metric: "whole_ratio", least: 1, runs: manyRuns})
	all = append(all, speeds(3, "MTU 9000, no loss", plainCase(9000, 0, sealed), 5e9, 3.0)...)
	all = append(all, speeds(4, "MTU 1500, not sealed, no loss", plainCase(1500, 0, "none"), 5e9, 0)...)
	all = append(all, wholes("5 % loss", plainCase(1500, 0.05, sealed))...)
	all = append(all, wholes("0.5 % loss, outages of 20 ms", outageCase)...)
	all = append(all, bar{number: 6, is: "10,000 files of 10 KiB", of: smallCase, metric: "goodput_bps", least: 0.4, than: ofCase1, runs: someRuns})
	for _, b := range []bar{{metric: "latency_p50_s"}, {metric: "latency_p99_s", most: 0.05}, {metric: "latency_max_s"}} {
		b.number, b.is, b.kind, b.of, b.runs = 7, "1 KiB, idle link, outbox to inbox", KindLatency, latencyCase, manyTries
		all = append(all, b)
	}
	all = append(all, bar{number: 8, is: "20 GiB", of: largeCase, metric: "goodput_bps", least: 0.9, than: ofSmallTwin, runs: someRuns},
		bar{number: 8, is: "20 GiB", of: largeCase, metric: "whole_ratio", least: 1, runs: someRuns})
	for _, program := range []string{"send", "receive", "release"} {
		all = append(all, bar{number: 8, is: "20 GiB", of: largeCase, metric: "rss_" + program + "_bytes", most: 256 << 20, runs: someRuns, worst: true})
	}
	for _, rate := range []float64{100e6, 1e9, 2.5e9, 5e9} {
		for _, b := range []bar{{metric: "rate_error_ratio", most: 0.01}, {metric: "burst_stated_ratio", most: burstSlack, worst: true}, {metric: "cpu_pacing_ratio"}} {
			b.number, b.is, b.kind, b.of, b.runs = 9, "pacing at "+bits(uint64(rate)), KindPacing, pacedCase(rate), someRuns
			all = append(all, b)
		}
	}
	cut := bar{number: 10, is: "two links of 1 Gbit/s, one cut", of: cutCase, runs: someRuns}
	whole, speed := cut, cut
	whole.metric, whole.least = "whole_ratio", 1
	speed.metric = "goodput_bps"
	for _, b := range []bar{{metric: "latency_p50_s"}, {metric: "latency_p99_s", most: 0.25}, {metric: "latency_max_s"}} {
		b.number, b.is, b.kind, b.of, b.runs = 11, "1 KiB urgent beside 10 GiB at 1 Gbit/s", KindLatency, urgentCase, urgentTries
		all = append(all, b)
	}
	for _, b := range []bar{{metric: "files_per_s"}, {metric: "restart_s"}, {metric: "whole_ratio", least: 1}, {metric: "rss_send_bytes", most: 512 << 20}, {metric: "rss_receive_bytes"}, {metric: "rss_release_bytes"}} {
		b.number, b.is, b.kind, b.of, b.runs = 12, "1,000,000 files of 1 KiB, pawl-send killed", KindMany, manyCase, 1
		all = append(all, b)
	}
	return append(all, whole, speed)
}

// burstSlack: the bench reads the clock a moment after the pacer did, and a moment of a high rate has octets.
const burstSlack = 1.02
