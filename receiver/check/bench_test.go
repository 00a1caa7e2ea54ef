package check_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/check/inside"
)

// spent is the processor time of this process and of its children that have ended.
func spent(b *testing.B) time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// BenchmarkSmallFiles asks about 10,000 files of 1 KiB, which go nowhere: what each file costs whatever its size. What an outside command costs is for
// 200 of them.
func BenchmarkSmallFiles(b *testing.B) {
	limits := inside.ArchiveLimits{Entries: 10_000, Depth: 4, Ratio: 200, Total: 10 << 30}
	for _, row := range []struct {
		name   string
		files  int
		policy *check.Policy
	}{
		{"none", 10_000, nil},
		{"type", 10_000, &check.Policy{Checker: checkerCommand, Type: &check.TypeRule{Rule: rule(), Allow: []string{"application/octet-stream"}}}},
		{"archive", 10_000, &check.Policy{Checker: checkerCommand, Archive: &check.ArchiveRule{Rule: rule(), Limits: limits}}},
		{"command", 200, &check.Policy{Checker: checkerCommand, Commands: []check.CommandRule{{Rule: rule(), Name: "c", Command: []string{"/usr/bin/wc", "-c"}}}}},
	} {
		b.Run(row.name, func(b *testing.B) {
			entries := []checktest.Entry{{Path: "t", Dir: true}}
			for i := range row.files {
				entries = append(entries, checktest.Entry{Path: fmt.Sprintf("t/%d", i), Data: make([]byte, 1<<10)})
			}
			key, dir := checktest.Key(b), b.TempDir()
			checktest.Build(b, id, key, entries).Write(b, dir)
			r := rules(key)
			r.Policy = row.policy
			begun := spent(b)
			for b.Loop() {
				if _, err := check.Verify(b.Context(), dir, id, r, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((spent(b)-begun).Seconds()*1e6/float64(row.files*b.N), "cpu-us/file")
		})
	}
}
