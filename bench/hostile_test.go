package bench

import "testing"

// TestHostilePacketsAreAllRejected plays the hostile bench in small; pawl-bench hostile plays it with millions.
func TestHostilePacketsAreAllRejected(t *testing.T) {
	s := HostileScenario{Count: 20_000, Seed: 1, Programs: programs(t)}
	report, err := s.Run(t.Context(), func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", report)
	if !report.Intact || !report.LedgerBalanced || report.Random < s.Count || report.Flipped < s.Count {
		t.Fatal("the transfer suffered, or the ledger does not balance")
	}
	// An ordinary user's socket buffer may be too small for the burst; what the kernel dropped no ledger has.
	if report.Rejected+report.KernelDrops < report.Random+report.Flipped || report.KernelDrops == 0 && !report.All() {
		t.Fatal("hostile packets are in no reject column")
	}
}
