package release

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// badContent is a transfer that must not get into the inbox.
type badContent struct {
	name   string
	policy check.Policy
	files  map[string]string
	to     quarantine.State
	want   string
}

func badContents(t *testing.T) []badContent {
	alice, mallory := newPublisher(t), newPublisher(t)
	archive := check.Policy{Archive: &check.ArchiveRule{Rule: rule(quarantine.Rejected), Limits: check.ArchiveLimits{Entries: 1000, Depth: 4, Ratio: 200, Total: 1 << 30}}}
	types := func(checker string, timeout time.Duration) check.Policy {
		r := rule(quarantine.Rejected)
		r.Timeout = timeout
		return check.Policy{Checker: checker, Type: &check.TypeRule{Rule: r, Allow: []string{"text/plain", "image/png", "application/pdf"}}}
	}
	signed := check.Policy{Signed: &check.SignedRule{Rule: rule(quarantine.Rejected), Required: true, Minisign: []check.MinisignKey{alice.public(t)}}}
	held := types(checkerCommand, time.Minute)
	held.Type = &check.TypeRule{Rule: rule(quarantine.Held), Allow: []string{"text/plain"}}
	png := "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + strings.Repeat("\x00", 30)
	down := check.Policy{Virus: &check.VirusRule{Rule: rule(quarantine.Rejected), Socket: filepath.Join(t.TempDir(), "s")}}
	return []badContent{
		{"zip bomb", archive, map[string]string{"z": zipped(t, "0", strings.Repeat("\x00", 8<<20))}, quarantine.Rejected, "archive: t/z: 0: unpacks to more than 200 times its size"},
		{"up in a zip", archive, map[string]string{"z": zipped(t, "../x", "")}, quarantine.Rejected, "archive: t/z: ../x: path leads out of the archive"},
		{"type mismatch", types(checkerCommand, time.Minute), map[string]string{"a.pdf": png}, quarantine.Rejected, "type: t/a.pdf: type mismatch: called .pdf, but content is image/png"},
		{"type not allowed", types(checkerCommand, time.Minute), map[string]string{"a.txt": "\x7fELF\x02\x01\x01"}, quarantine.Rejected, "which is not allowed"},
		{"type, held", held, map[string]string{"a.png": png}, quarantine.Held, "type: t/a.png: content is image/png, which is not allowed"},
		{"unsigned", signed, map[string]string{"a": "x", "b": "y", "b.minisig": alice.sign("y")}, quarantine.Rejected, "signed: t/a: is not signed"},
		{"wrong signature", signed, map[string]string{"a": "x", "a.minisig": alice.sign("y")}, quarantine.Rejected, "signed: t/a.minisig: wrong signature: of other content"},
		{"another's signature", signed, map[string]string{"a": "x", "a.minisig": mallory.sign("x")}, quarantine.Rejected, "by a key that is not allowed"},
		{"checker crashes", types(crashCommand, time.Minute), map[string]string{"a.txt": "x"}, quarantine.Held, "type: t/a.txt: the checker crashed: exit status 2: panic: a bug in a parser"},
		{"checker hangs", types(hangCommand, 300*time.Millisecond), map[string]string{"a.txt": "x"}, quarantine.Held, "type: t/a.txt: the checker took too long"},
		{"clamd down", down, map[string]string{"a": "x"}, quarantine.Held, "virus: t/a: clamd does not answer"},
	}
}

func transferOf(files map[string]string) []checktest.Entry {
	entries := []checktest.Entry{{Path: "t", Dir: true}}
	for name, text := range files {
		entries = append(entries, checktest.Entry{Path: "t/" + name, Data: []byte(text)})
	}
	return entries
}

// with sets the policy of the one channel.
func (h *house) with(p check.Policy) {
	if p.Checker == "" {
		p.Checker = checkerCommand
	}
	c := h.gate.channels[id.Channel]
	c.Policy = &p
	h.gate.channels[id.Channel] = c
}

// TestBadContentNeverReachesTheInbox is the table of issue 5, through the whole gate.
func TestBadContentNeverReachesTheInbox(t *testing.T) {
	for _, tc := range badContents(t) {
		for _, auto := range []bool{true, false} {
			t.Run(tc.name, func(t *testing.T) { tc.run(t, auto) })
		}
	}
}

func (tc badContent) run(t *testing.T, auto bool) {
	h := build(t, auto)
	h.with(tc.policy)
	h.put(t, id, checktest.Build(t, id, h.key, transferOf(tc.files)))
	h.run(t, id, quarantine.Complete, tc.to)
	h.refused(t, tc.want)
	if tc.to == quarantine.Held {
		// A person's word does not make bad content good, and neither does another look.
		if err := h.decide(t, id, "alice", person.Approve); !errors.Is(err, ErrState) {
			t.Fatalf("approve: %v", err)
		}
		if st, err := h.gate.Recheck(t.Context(), id); err != nil || st != quarantine.Held {
			t.Fatalf("recheck: %s, %v", st, err)
		}
		h.refused(t, tc.want)
	}
}

// refused asks for the words, the verdict and the empty inbox.
func (h *house) refused(t *testing.T, want string) {
	t.Helper()
	if reason := h.reason(t, id); !strings.Contains(reason, want) {
		t.Errorf("reason %q, want %q", reason, want)
	}
	h.wantEmptyInbox(t)
	st, err := h.store.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	a, err := LastAnswer(h.store.Dir(st, id))
	if err != nil || a.Pass || a.Verdict == nil || len(a.Policy) != 64 || len(a.Verdict.Findings) == 0 {
		t.Errorf("answer %+v, %v", a, err)
	}
}

// TestVirusNeverReachesTheInbox scans with a real clamd.
func TestVirusNeverReachesTheInbox(t *testing.T) {
	socket, _ := startClamd(t)
	policy := check.Policy{Virus: &check.VirusRule{Rule: rule(quarantine.Rejected), Socket: socket, MaxAge: time.Hour, Undated: true}}
	for name, files := range map[string]map[string]string{
		"plain":         {"a": eicar},
		"in zip":        {"a.zip": zipped(t, "e", eicar)},
		"in zip in tgz": {"a.tar.gz": tarGz(t, "a.zip", zipped(t, "e", eicar))},
		"after others":  {"a": "clean", "b": strings.Repeat("clean", 300_000), "c": eicar},
	} {
		t.Run(name, func(t *testing.T) {
			badContent{policy: policy, files: files, to: quarantine.Rejected, want: "Eicar-Test.UNOFFICIAL found"}.run(t, true)
		})
	}
	t.Run("clean", func(t *testing.T) {
		h := build(t, true)
		h.with(policy)
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		h.run(t, id, quarantine.Complete, quarantine.Released)
		a, err := LastAnswer(h.store.Dir(quarantine.Released, id))
		if err != nil || len(a.Checks) != 1 || a.Checks[0].Engine != "clamd" || !strings.HasPrefix(a.Checks[0].Version, "ClamAV ") || a.Checks[0].Files != 6 {
			t.Errorf("answer %+v, %v", a, err)
		}
	})
	t.Run("own signatures have no date", func(t *testing.T) {
		p := policy
		p.Virus = &check.VirusRule{Rule: rule(quarantine.Rejected), Socket: socket, MaxAge: time.Hour}
		badContent{policy: p, files: map[string]string{"a": "x"}, to: quarantine.Held, want: "bear no date"}.run(t, true)
	})
}

// TestGoodContentPassesEveryCheck: the same policies let what is good through, and the bytes in the inbox are those.
func TestGoodContentPassesEveryCheck(t *testing.T) {
	alice := newPublisher(t)
	text := "good\n"
	json := rule(quarantine.Rejected)
	json.Files = []string{"*.json"}
	h := build(t, true)
	h.with(check.Policy{
		Names:    &check.NamesRule{Rule: rule(quarantine.Rejected), MaxFile: 1 << 20, Most: 10, Depth: 2},
		Type:     &check.TypeRule{Rule: rule(quarantine.Rejected), Allow: []string{"text/plain", "application/zip", "application/json"}},
		Archive:  &check.ArchiveRule{Rule: rule(quarantine.Rejected), Limits: check.ArchiveLimits{Entries: 9, Depth: 2, Ratio: 50, Total: 1 << 20}},
		JSON:     &check.TextRule{Rule: json, Depth: 5, Size: 1000},
		Signed:   &check.SignedRule{Rule: rule(quarantine.Rejected), Required: true, Minisign: []check.MinisignKey{alice.public(t)}},
		Commands: []check.CommandRule{{Rule: rule(quarantine.Rejected), Name: "not empty", Command: []string{"/bin/grep", "-q", "."}}},
	})
	z := zipped(t, "in.txt", text)
	files := map[string]string{"a.txt": text, "a.txt.minisig": alice.sign(text), "z.zip": z, "z.zip.minisig": alice.sign(z), "j.json": `{"a": 1}`, "j.json.minisig": alice.sign(`{"a": 1}`)}
	h.put(t, id, checktest.Build(t, id, h.key, transferOf(files)))
	if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); err != nil || st != quarantine.Released {
		t.Fatalf("%s, %v: %s", st, err, h.reason(t, id))
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(h.inbox, "t", name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestChangedAfterTheCheck: a byte that changes on disk between the check and the release is noticed, whatever the policy said of the
// content before.
func TestChangedAfterTheCheck(t *testing.T) {
	h := build(t, false)
	h.with(check.Policy{Type: &check.TypeRule{Rule: rule(quarantine.Rejected), Allow: []string{"text/plain"}}})
	h.put(t, id, checktest.Build(t, id, h.key, transferOf(map[string]string{"a.txt": "good text"})))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	content := filepath.Join(h.store.Dir(quarantine.Held, id), quarantine.ContentFile)
	if err := os.WriteFile(content, []byte("evil text"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.approve(t, id, "alice")
	h.run(t, id, quarantine.Held, quarantine.Held)
	if reason := h.reason(t, id); !strings.Contains(reason, "digest mismatch") {
		t.Errorf("reason %q", reason)
	}
	h.wantEmptyInbox(t)
}
