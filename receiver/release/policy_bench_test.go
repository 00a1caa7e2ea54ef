package release

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// policyRow is one policy asked about one transfer.
type policyRow struct {
	name   string
	files  func() []checktest.Entry
	policy check.Policy
}

// BenchmarkPolicy takes transfers from complete to the inbox without a policy and with one, in turns, and states what the policy costs: CPU
// of the gate, its children and clamd, for 10^9 octets and for each file, and how many times that of no policy it is; the least of all turns.
func BenchmarkPolicy(b *testing.B) {
	socket, scanner := startClamd(b)
	for _, row := range policyRows(b, socket) {
		b.Run(row.name, func(b *testing.B) { row.run(b, scanner) })
	}
}

func (row *policyRow) run(b *testing.B, scanner int) {
	entries := row.files()
	h := build(b, true)
	objects := checktest.Build(b, id, h.key, entries)
	files := 0
	for _, e := range entries {
		if !e.Dir {
			files++
		}
	}
	entries = nil // they are as large as the objects
	row.policy.Checker = checkerCommand
	through := func(policy *check.Policy) (cpu, wall time.Duration) {
		h.change(func(c *Channel) { c.Policy = policy })
		h.put(b, id, objects)
		begun, used := time.Now(), spent(b, scanner)
		h.run(b, id, quarantine.Complete, quarantine.Released)
		cpu, wall = spent(b, scanner)-used, time.Since(begun)
		if err := errors.Join(os.RemoveAll(filepath.Join(h.inbox, "t")), os.RemoveAll(h.store.Dir(quarantine.Released, id))); err != nil {
			b.Fatal(err)
		}
		return cpu, wall
	}
	through(nil)                   // the first one pays for memory that the machine has not touched yet
	least := [2][2]time.Duration{} // what else the machine does only adds
	for first := true; b.Loop(); first = false {
		for i, policy := range []*check.Policy{nil, &row.policy} {
			cpu, wall := through(policy)
			if first {
				least[i] = [2]time.Duration{cpu, wall}
			}
			least[i] = [2]time.Duration{min(cpu, least[i][0]), min(wall, least[i][1])}
		}
	}
	gigabytes := float64(len(objects.Content)) / 1e9
	none, asked := least[0], least[1]
	b.ReportMetric(none[0].Seconds()/gigabytes, "none-cpu-s/GB")
	b.ReportMetric(asked[0].Seconds()/gigabytes, "cpu-s/GB")
	b.ReportMetric(float64(asked[0])/float64(none[0]), "cpu-ratio")
	b.ReportMetric(float64(asked[1])/float64(none[1]), "wall-ratio")
	b.ReportMetric((asked[0]-none[0]).Seconds()*1e3/float64(files), "more-cpu-ms/file")
	b.ReportMetric(asked[1].Seconds(), "wall-s")
	b.ReportMetric(0, "ns/op") // of both together: says nothing
}

func policyRows(b *testing.B, socket string) []policyRow {
	alice := newPublisher(b)
	r := rule(quarantine.Rejected)
	r.Timeout = time.Minute
	only := func(pattern string) check.Rule {
		r := r
		r.Files = []string{pattern}
		return r
	}
	limits := check.Policy{Names: &check.NamesRule{Rule: r, Deny: []string{"*.exe", "*.bat", "*.lnk"}, MaxFile: 20 << 30, Most: 100_000, Depth: 32}}
	types := check.Policy{Type: &check.TypeRule{Rule: r, Allow: []string{"text/*", "application/octet-stream", "application/json", "application/zstd"}}}
	archive := check.Policy{Archive: &check.ArchiveRule{Rule: r, Limits: check.ArchiveLimits{Entries: 10_000, Depth: 4, Ratio: 200, Total: 10 << 30}}}
	json := check.Policy{JSON: &check.TextRule{Rule: only("*.json"), Depth: 64, Size: 16 << 20}}
	xml := check.Policy{XML: &check.TextRule{Rule: only("*.xml"), Depth: 64, Size: 16 << 20}}
	signed := check.Policy{Signed: &check.SignedRule{Rule: r, Required: true, Minisign: []check.MinisignKey{alice.public(b)}}}
	virus := check.Policy{Virus: &check.VirusRule{Rule: r, Socket: socket, MaxAge: time.Hour, Undated: true}}
	command := check.Policy{Commands: []check.CommandRule{{Rule: r, Name: "c", Command: []string{"/usr/bin/wc", "-c"}}}}
	full := check.Policy{Names: limits.Names, Type: types.Type, Archive: archive.Archive, JSON: json.JSON, XML: xml.XML, Signed: signed.Signed, Virus: virus.Virus}

	var rows []policyRow
	noise := func() []checktest.Entry { return alice.signs(tree("big", noise(256<<20), 1)) }
	for _, p := range []policyRow{{"limits", nil, limits}, {"type", nil, types}, {"archive", nil, archive}, {"signed", nil, signed}, {"virus", nil, virus},
		{"command", nil, command}, {"full", nil, full}} {
		rows = append(rows, policyRow{"one of 256 MiB/" + p.name, noise, p.policy})
	}
	for _, kind := range []string{"zip", "tar.gz", "tar.zst"} {
		packed := func() []checktest.Entry { return alice.signs(tree("text."+kind, pack(kind, prose(128<<20)), 1)) }
		rows = append(rows, policyRow{"128 MiB of text in " + kind + "/archive", packed, archive})
		if kind == "tar.zst" {
			rows = append(rows, policyRow{"128 MiB of text in " + kind + "/full", packed, full})
		}
	}
	rows = append(rows,
		policyRow{"4 of 15 MiB/json", func() []checktest.Entry { return tree("j.json", jsonText(15<<20), 4) }, json},
		policyRow{"4 of 15 MiB/xml", func() []checktest.Entry { return tree("x.xml", xmlText(15<<20), 4) }, xml})
	small := func(n int) func() []checktest.Entry {
		return func() []checktest.Entry { return tree("j.json", jsonText(10<<10), n) }
	}
	for _, p := range []policyRow{{"limits", nil, limits}, {"type", nil, types}, {"archive", nil, archive}, {"json", nil, json}, {"virus", nil, virus}} {
		rows = append(rows, policyRow{"10,000 of 10 KiB/" + p.name, small(10_000), p.policy})
	}
	withSignatures := func() []checktest.Entry { return alice.signs(small(10_000)()) }
	return append(rows,
		policyRow{"10,000 of 10 KiB and signatures/signed", withSignatures, signed},
		policyRow{"10,000 of 10 KiB and signatures/full", withSignatures, full},
		policyRow{"1,000 of 10 KiB/command", small(1000), command})
}

// spent is the processor time of this process, its children that have ended, and the process pid so far.
func spent(b *testing.B, pid int) time.Duration {
	b.Helper()
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])) // proc(5): utime and stime are the 14th and 15th
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := cmp.Or(err1, err2); err != nil {
		b.Fatal(err)
	}
	return sum + time.Duration(user+system)*10*time.Millisecond // USER_HZ is 100
}
