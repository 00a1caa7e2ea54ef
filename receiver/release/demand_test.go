package release

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// at sets the gate's clock.
func (h *house) at(now time.Time) { h.gate.now = func() time.Time { return now } }

var monday = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestHoldTimeAndSecondScan(t *testing.T) {
	for _, mode := range []Mode{Auto, One} {
		h := build(t, true)
		h.change(func(c *Channel) { c.Release, c.HoldFor = mode, 24*time.Hour })
		h.at(monday)
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		h.run(t, id, quarantine.Complete, quarantine.Held)
		if reason := h.reason(t, id); reason != "waits until 2026-11-24T12:00:00Z to be checked again" {
			t.Errorf("reason %q", reason)
		}
		h.at(monday.Add(24*time.Hour - time.Second))
		if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) || h.gate.ready(id) {
			t.Errorf("taken up too early: %v", err)
		}
		h.at(monday.Add(24 * time.Hour))
		if mode == One {
			// The second look comes by itself, and its answer is there before anybody is asked.
			h.run(t, id, quarantine.Held, quarantine.Held)
			if reason := h.reason(t, id); reason != "waits for approval: 0 of 1" || h.gate.ready(id) {
				t.Errorf("reason %q, ready %t", reason, h.gate.ready(id))
			}
			h.at(monday.Add(25 * time.Hour))
			h.approve(t, id, "alice")
		}
		h.run(t, id, quarantine.Held, quarantine.Released)
	}
}

// TestSecondScanFinds: what the second look finds takes away what was approved before.
func TestSecondScanFinds(t *testing.T) {
	h := build(t, true)
	h.change(func(c *Channel) { c.Release, c.HoldFor = One, time.Hour })
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.approve(t, id, "alice")
	if h.gate.ready(id) {
		t.Error("an approval shortens the hold time")
	}
	content := filepath.Join(h.store.Dir(quarantine.Held, id), quarantine.ContentFile)
	if err := os.Truncate(content, 10); err != nil {
		t.Fatal(err)
	}
	h.at(monday.Add(time.Hour))
	h.run(t, id, quarantine.Held, quarantine.Held)
	if h.counts(t, id) != 0 || h.gate.ready(id) || !strings.Contains(h.reason(t, id), "bytes on disk") {
		t.Errorf("%d approvals, reason %q", h.counts(t, id), h.reason(t, id))
	}
	h.wantEmptyInbox(t)
}

func TestReleaseWindows(t *testing.T) {
	h := build(t, true)
	window, err := ParseWindow("Mon-Fri 08:00-12:00")
	if err != nil {
		t.Fatal(err)
	}
	h.change(func(c *Channel) { c.Windows = []Window{window} })
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	if reason := h.reason(t, id); reason != "waits for the release window at 2026-11-24T08:00:00Z" || h.gate.ready(id) {
		t.Errorf("reason %q", reason)
	}
	// It closes while the transfer is copied.
	h.at(monday.Add(20 * time.Hour))
	h.gate.step = func(step string) {
		if step == "checked" {
			h.at(monday.Add(24 * time.Hour))
		}
	}
	h.run(t, id, quarantine.Held, quarantine.Held)
	h.wantEmptyInbox(t)
	h.gate.step = func(string) {}
	h.at(monday.Add(44 * time.Hour))
	h.run(t, id, quarantine.Held, quarantine.Released)
}

// TestOutstandingBesideApprovals: who is about to give the last approval is told whether anything else is waited for.
func TestOutstandingBesideApprovals(t *testing.T) {
	h := build(t, true)
	window, err := ParseWindow("Mon-Fri 08:00-12:00")
	if err != nil {
		t.Fatal(err)
	}
	h.change(func(c *Channel) { c.Release, c.Windows, c.HoldFor = One, []Window{window}, time.Hour })
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	for after, want := range map[time.Duration][2]string{
		0:              {"waits until 2026-11-23T13:00:00Z to be checked again", "waits until 2026-11-23T13:00:00Z to be checked again"},
		2 * time.Hour:  {"waits for approval: 0 of 1", "waits for the release window at 2026-11-24T08:00:00Z"},
		20 * time.Hour: {"waits for approval: 0 of 1", ""},
	} {
		h.at(monday.Add(after))
		if w, err := h.gate.Waits(id); err != nil || w.For != want[0] || w.Beside != want[1] {
			t.Errorf("after %v: %q and %q, %v", after, w.For, w.Beside, err)
		}
	}
}

func TestCollisions(t *testing.T) {
	tree := checktest.Tree()
	file := func(name, data string) []checktest.Entry {
		return []checktest.Entry{{Path: name, Data: []byte(data), ModTime: 1e18}}
	}
	long := strings.Repeat("x", 250) + ".txt"
	for name, c := range map[string]struct {
		collision     Collision
		first, second []checktest.Entry
		want          quarantine.State
		as, reason    string
	}{
		"refuse":              {"", file("a.txt", "1"), file("a.txt", "1"), quarantine.Held, "", "name is taken"},
		"version of a file":   {Version, file("a.txt", "1"), file("a.txt", "2"), quarantine.Released, "a (2).txt", "as a (2).txt"},
		"version of a dotted": {Version, file(".rc", "1"), file(".rc", "2"), quarantine.Released, ".rc (2)", "as .rc (2)"},
		"version of a folder": {Version, tree, tree, quarantine.Released, "tree (2)", "as tree (2)"},
		"version too long":    {Version, file(long, "1"), file(long, "2"), quarantine.Held, "", "name is taken"},
		"same file":           {Same, file("a.txt", "1"), file("a.txt", "1"), quarantine.Released, "a.txt", "the same was there already"},
		"same folder":         {Same, tree, tree, quarantine.Released, "tree", "the same was there already"},
		"other bytes":         {Same, file("a.txt", "1"), file("a.txt", "2"), quarantine.Held, "", "name is taken"},
		"other size":          {Same, file("a.txt", "1"), file("a.txt", "22"), quarantine.Held, "", "name is taken"},
		"file and folder":     {Same, file("tree", "1"), tree, quarantine.Held, "", "name is taken"},
		"one file less":       {Same, tree, tree[:len(tree)-1], quarantine.Held, "", "name is taken"},
	} {
		t.Run(name, func(t *testing.T) {
			h := build(t, true)
			h.change(func(c2 *Channel) { c2.Collision = c.collision })
			other := quarantine.ID{Channel: id.Channel, Transfer: 1}
			h.put(t, other, checktest.Build(t, other, h.key, c.first))
			h.run(t, other, quarantine.Complete, quarantine.Released)
			h.put(t, id, checktest.Build(t, id, h.key, c.second))
			h.run(t, id, quarantine.Complete, c.want)
			if reason := h.reason(t, id); !strings.Contains(reason, c.reason) {
				t.Errorf("reason %q, want %q", reason, c.reason)
			}
			if err := diff(h.inbox, c.first); err != nil {
				t.Errorf("what was there: %v", err)
			}
			if c.as != "" {
				if err := diff(h.inbox, under(c.second, c.as)); err != nil {
					t.Error(err)
				}
			}
			if names := h.names(t); len(names) != 1 && (c.collision != Version || len(names) != 2) {
				t.Errorf("inbox %q", names)
			}
		})
	}
}

// TestVersionsWithoutEnd: names run out before patience does; and a third is (3).
func TestVersionsWithoutEnd(t *testing.T) {
	h := build(t, true)
	h.change(func(c *Channel) { c.Collision = Version })
	for _, name := range []string{"f", "f (2)"} {
		if err := os.Mkdir(filepath.Join(h.inbox, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.put(t, id, checktest.Build(t, id, h.key, []checktest.Entry{{Path: "f", Data: []byte("x"), ModTime: 5}}))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if err := diff(h.inbox, []checktest.Entry{{Path: "f (3)", Data: []byte("x"), ModTime: 5}}); err != nil {
		t.Error(err)
	}
}

// TestCopyIsReadBack: a copy that is not what was written is never seen, and another is made.
func TestCopyIsReadBack(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"flipped": func(path string) error { return os.WriteFile(path, []byte("#!/bin/sx\n"), 0o755) },
		"cut":     func(path string) error { return os.Truncate(path, 3) },
		"gone":    os.Remove,
	} {
		h := build(t, true)
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		h.gate.step = func(step string) {
			if step == "staging synced" {
				if err := harm(filepath.Join(h.inbox, stageName(id), "tree", "a", "run.sh")); err != nil {
					t.Error(err)
				}
			}
		}
		if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); err == nil || !strings.Contains(err.Error(), "read back") || st != quarantine.Checking {
			t.Errorf("%s: %s, %v", name, st, err)
		}
		h.wantEmptyInbox(t)
		h.gate.step = func(string) {}
		h.run(t, id, quarantine.Checking, quarantine.Released)
	}
}

func TestPlanOrProofChangedWhileReadBack(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.gate.step = func(step string) {
		if step == "staging synced" {
			checktest.Build(t, id, checktest.Key(t), []checktest.Entry{{Path: "tree", Data: nil}}).Write(t, h.store.Dir(quarantine.Checking, id))
		}
	}
	if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); err == nil || st != quarantine.Checking {
		t.Errorf("%s, %v", st, err)
	}
	h.wantEmptyInbox(t)
}

func TestCommandAfterRelease(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	// What it is given, to the letter, and how it ends.
	text := "#!/bin/sh\nfor a in \"$@\"; do printf '<%s>' \"$a\"; done >> '" + dir + "/args'\nenv | grep PAWL | sort >> '" + dir + "/args'\n" +
		"case $1 in fail) echo 'no \033[31mred'; exit 3;; hang) exec sleep 600;; esac\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{"fine": "; after-release: done", "fail": "; after-release failed: exit status 3: no \x1b[31mred", "hang": "; after-release failed: killed after 100ms", "": "no such file"} {
		h := build(t, true)
		c := &Command{Args: []string{script, what, "$(id)"}, Timeout: time.Minute}
		switch what {
		case "hang":
			c.Timeout = 100 * time.Millisecond
		case "":
			c.Args[0] += ".none"
		}
		h.change(func(ch *Channel) { ch.After = c })
		_ = os.Remove(filepath.Join(dir, "args"))
		h.put(t, id, checktest.Build(t, id, h.key, []checktest.Entry{{Path: "-rf $(id) 'x'", Data: []byte("x")}}))
		h.run(t, id, quarantine.Complete, quarantine.Released)
		if reason := h.reason(t, id); !strings.Contains(reason, want) {
			t.Errorf("%s: reason %q, want %q", what, reason, want)
		}
		if what == "fine" {
			args, err := os.ReadFile(filepath.Join(dir, "args"))
			if want := "<fine><$(id)><--><" + h.inbox + "/-rf $(id) 'x'>PAWL_CHANNEL=files\nPAWL_TRANSFER=" + id.String() + "\n"; err != nil || string(args) != want {
				t.Errorf("given %q, %v, want %q", args, err, want)
			}
		}
	}
}
