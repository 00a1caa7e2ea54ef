package sender

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"pawl/framing"
	"pawl/framing/seal"
)

// TestCounterGrows takes numbers over any sequence of restarts and of clocks that go back.
func TestCounterGrows(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		lead := rapid.SampledFrom([]uint64{0, 1, 10, idLead}).Draw(t, "lead")
		last := uint64(0)
		c, err := openCounter(path, lead)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				c, err = openCounter(path, lead)
			}
			if err != nil {
				t.Fatal(err)
			}
			floor := rapid.Uint64Range(0, 1000).Draw(t, "floor")
			got, err := c.take(floor)
			if err != nil || got <= last || got < floor {
				t.Fatalf("%d after %d, floor %d, %v", got, last, floor, err)
			}
			last = got
		}
	})
}

// TestCounterRefuses a file that is not a number: to begin anew would repeat numbers.
func TestCounterRefuses(t *testing.T) {
	for _, text := range []string{"", "x", "-1", "1 2", "18446744073709551616"} {
		path := filepath.Join(t.TempDir(), "session")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openCounter(path, 0); err == nil {
			t.Errorf("counter file %q was taken", text)
		}
	}
	path := filepath.Join(t.TempDir(), "session")
	if err := os.WriteFile(path, []byte("18446744073709551615\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := must(openCounter(path, 0))(t).take(1); err == nil {
		t.Errorf("%d after the last number", n)
	}
}

// TestWalkOrder walks random trees with names around the slash in the order of octets: the
// plan's own reader is the judge of order, parents, sums and counts.
func TestWalkOrder(t *testing.T) {
	dir := t.TempDir()
	n := 0
	name := rapid.SampledFrom([]string{"a", "a!", "a-b", "a.b", "a0", "ab", "A", "ä", "b"})
	rapid.Check(t, func(t *rapid.T) {
		n++
		top := filepath.Join(dir, fmt.Sprint(n), "top")
		out := filepath.Join(dir, fmt.Sprint(n), "out")
		var content uint64
		for _, d := range []string{top, out} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 12).Draw(t, "entries") {
			path := filepath.Join(append([]string{top}, rapid.SliceOfN(name, 1, 4).Draw(t, "path")...)...)
			if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
				continue // a file is in the way
			}
			if _, err := os.Lstat(path); err == nil {
				continue
			}
			size := rapid.IntRange(0, 9).Draw(t, "size")
			content += uint64(size)
			if err := os.WriteFile(path, make([]byte, size), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		rec := &record{Channel: 1, Transfer: 1, Name: "top", Source: top}
		if err := walk(t.Context(), rec, out, rules{intake: new(Intake)}); err != nil {
			t.Fatal(err)
		}
		if rec.Content != content {
			t.Fatalf("content %d, want %d", rec.Content, content)
		}
		text, err := os.ReadFile(filepath.Join(out, planFile))
		if err != nil || uint64(len(text)) != rec.Plan.Length {
			t.Fatalf("plan of %d octets, record says %d, %v", len(text), rec.Plan.Length, err)
		}
		plan, err := framing.NewPlanReader(bytes.NewReader(text), framing.PlanLimits{})
		for err == nil {
			_, err = plan.Next()
		}
		if err != io.EOF {
			t.Fatal(err)
		}
	})
}

// TestEntryPath keeps an entry clear of our own files, whatever its name.
func TestEntryPath(t *testing.T) {
	for _, name := range []string{recordFile, reasonFile, planFile, inodesFile, proofFile, recordFile + ".tmp", proofFile + ".tmp", ".pawl-entry"} {
		if got := entryPath("d", name); filepath.Dir(got) == "d" {
			t.Errorf("%q lies at %q", name, got)
		}
	}
	if got := entryPath("d", "plain"); got != filepath.Join("d", "plain") {
		t.Errorf("plain entry at %q", got)
	}
}

// TestNamesOfOurs sends entries that are called as our own files are.
func TestNamesOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{recordFile: "{}", reasonFile: "none"})
		d := start(t, cfg)
		ids := d.done("sent", 2)
		d.stop()
		var got []string
		for _, id := range ids {
			for name, text := range receive(t, d.link.all(), id, nil).files {
				got = append(got, name+"="+text)
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != "reason.txt=none transfer.json={}" {
			t.Errorf("arrived: %v", got)
		}
	})
}

// TestSealNone sends in clear, signs the proof all the same, and says so.
func TestSealNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		link := newCatcher(t)
		link.mode = seal.ModeNone
		cfg := testConfig(dir, link)
		cfg.Seal, cfg.Receiver = seal.ModeNone, nil
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"file": "text"})
		d := start(t, cfg)
		id := d.done("sent", 1)[0]
		d.stop()
		if a := receive(t, link.all(), id, nil); a.files["file"] != "text" {
			t.Errorf("arrived: %q", a.files)
		}
		if w := d.Status().Warning; !strings.Contains(w, "neither encrypted nor authenticated") {
			t.Errorf("warning %q", w)
		}
	})
}

// TestStateIsLocked lets only one sender use a state folder.
func TestStateIsLocked(t *testing.T) {
	cfg := testConfig(t.TempDir(), newCatcher(t))
	s := must(New(cfg))(t)
	defer s.lock.Close()
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second sender: %v", err)
	}
}
