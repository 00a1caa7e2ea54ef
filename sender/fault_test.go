package sender

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pawl/framing"
)

// onContent calls do once, at the first content symbol of any transfer.
func onContent(do func()) func(framing.Header) error {
	done := false
	return func(h framing.Header) error {
		if h.Object == framing.ObjectContent && !done {
			done = true
			do()
		}
		return nil
	}
}

// TestAbortOnChange changes a file behind the reader's back: the receiver is told which and
// why, twice, and the entry goes to refused/.
func TestAbortOnChange(t *testing.T) {
	changes := map[string]struct {
		change func(path string) error
		reason string
	}{
		"longer":  {func(p string) error { return os.WriteFile(p, []byte("longer than it was"), 0o644) }, "its size changed"},
		"shorter": {func(p string) error { return os.Truncate(p, 1) }, "its size changed"},
		"touched": {func(p string) error { return os.Chtimes(p, time.Now(), time.Now()) }, "its modification time changed"},
		"replaced": {func(p string) error {
			return errors.Join(os.Rename(p, p+".old"), os.WriteFile(p, []byte("as long"), 0o644))
		}, "another file is in its place"},
		"removed": {os.Remove, "no such file"},
		"a link":  {func(p string) error { return errors.Join(os.Remove(p), os.Symlink("big", p)) }, "another file is in its place"},
		"a pipe":  {func(p string) error { return errors.Join(os.Remove(p), syscall.Mkfifo(p, 0o644)) }, "no longer a file"},
	}
	for name, c := range changes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				link := newCatcher(t)
				cfg := testConfig(dir, link)
				cfg.Forecast.Memory = 2 << 20 // small groups: the reader must not be done at once
				plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{
					"top/big": noise(1, 40_000_000), "top/victim": "as long"})
				link.seen = onContent(func() {
					victims, err := filepath.Glob(filepath.Join(dir, "docs/claimed/*/top/victim"))
					if err != nil || len(victims) != 1 || c.change(victims[0]) != nil {
						t.Errorf("victim not changed: %v %v", victims, err)
					}
				})
				d := start(t, cfg)
				id := d.done("refused", 1)[0]
				d.stop()
				a := receive(t, link.all(), id, nil)
				if !a.proof.Aborted || a.proof.Path != "top/victim" || !strings.Contains(a.proof.Reason, c.reason) {
					t.Errorf("proof %+v", a.proof)
				}
				if n := copiesOf(link.all(), id, framing.ObjectProof); n < 2 {
					t.Errorf("aborted proof was sent %d times", n)
				}
				text := must(os.ReadFile(filepath.Join(dir, "docs/refused", transferID(7, id), reasonFile)))(t)
				if !strings.Contains(string(text), "top/victim") || !strings.Contains(string(text), c.reason) {
					t.Errorf("reason.txt: %s", text)
				}
				if st := d.Status(); st.Aborted != 1 || st.Sent != 0 {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// copiesOf counts how often the first symbol of an object was sent.
func copiesOf(all []wirePacket, id uint64, object framing.Object) (n int) {
	for _, p := range transferOf(all, id) {
		if p.h.Object == object && p.h.Block == 0 && p.h.ESI == 0 {
			n++
		}
	}
	return n
}

// TestChangeWhileRead changes the very file that is being read.
func TestChangeWhileRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		link := newCatcher(t)
		cfg := testConfig(dir, link)
		cfg.Forecast.Memory = 2 << 20
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"big": noise(1, 40_000_000)})
		link.seen = onContent(func() {
			victims, _ := filepath.Glob(filepath.Join(dir, "docs/claimed/*/big"))
			if err := os.Truncate(victims[0], 39_000_000); err != nil {
				t.Error(err)
			}
		})
		d := start(t, cfg)
		id := d.done("refused", 1)[0]
		d.stop()
		if a := receive(t, link.all(), id, nil); !a.proof.Aborted || a.proof.Reason != "became shorter while it was read" {
			t.Errorf("proof %+v", a.proof)
		}
	})
}

// TestLaterPassChanged gives a file other bytes between two passes, with size, inode and
// modification time as they were: only the digest can tell.
func TestLaterPassChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels[0].Passes, cfg.Channels[0].PassGap = 2, time.Minute
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"top/a": "", "top/b": "first bytes", "top/c": "same"})
		d := start(t, cfg)
		d.until("the first pass", func() bool {
			st := d.Status()
			return len(st.Transfers) == 1 && st.Transfers[0].State == StateWaiting && st.Transfers[0].Pass == 1
		})
		victims := must(filepath.Glob(filepath.Join(dir, "docs/claimed/*/top/b")))(t)
		info := must(os.Stat(victims[0]))(t)
		if err := errors.Join(os.WriteFile(victims[0], []byte("other bytes"), 0o644), os.Chtimes(victims[0], info.ModTime(), info.ModTime())); err != nil {
			t.Fatal(err)
		}
		id := d.done("refused", 1)[0]
		d.stop()
		a := receive(t, d.link.all(), id, nil)
		if !a.proof.Aborted || a.proof.Path != "top/b" || a.proof.Reason != "its content is not that of the first pass" {
			t.Errorf("proof %+v", a.proof)
		}
	})
}

// TestRefused drops what may not cross: each goes to refused/ with a reason that names it,
// nothing of it is sent, and what may cross still does.
func TestRefused(t *testing.T) {
	cases := map[string]struct {
		drop   func(outbox string) error
		reason string
	}{
		"bad name":      {func(o string) error { return os.WriteFile(o+"/bad\nname", nil, 0o644) }, "name"},
		"no utf-8":      {func(o string) error { return os.WriteFile(o+"/\xff\xfe", nil, 0o644) }, "name"},
		"our own name":  {func(o string) error { return os.WriteFile(o+"/.pawl-entry", nil, 0o644) }, "name"},
		"own prefix":    {func(o string) error { return os.WriteFile(o+"/.pawl-plan", nil, 0o644) }, "name"},
		"deep bad name": {func(o string) error { return os.MkdirAll(o+"/d/CON", 0o755) }, "d/CON"},
		"link":          {func(o string) error { return os.Symlink("/etc/passwd", o+"/link") }, "symbolic link"},
		"deep link": {func(o string) error {
			return errors.Join(os.Mkdir(o+"/d", 0o755), os.Symlink("/etc/passwd", o+"/d/link"))
		}, `"d/link": is a symbolic link`},
		"pipe":   {func(o string) error { return syscall.Mkfifo(o+"/pipe", 0o644) }, "is a pipe"},
		"socket": {func(o string) error { return syscall.Mknod(o+"/sock", syscall.S_IFSOCK|0o644, 0) }, "is a socket"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cfg := testConfig(dir, newCatcher(t))
				plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"good": "good"})
				if err := c.drop(filepath.Join(dir, "docs/outbox")); err != nil {
					t.Fatal(err)
				}
				d := start(t, cfg)
				good, bad := d.done("sent", 1)[0], d.done("refused", 1)[0]
				d.stop()
				if n := len(transferOf(d.link.all(), bad)); n != 0 {
					t.Errorf("%d symbols of it were sent", n)
				}
				if a := receive(t, d.link.all(), good, nil); a.files["good"] != "good" {
					t.Errorf("beside it %q arrived", a.files)
				}
				folder := filepath.Join(dir, "docs/refused", transferID(7, bad))
				if text := string(must(os.ReadFile(filepath.Join(folder, reasonFile)))(t)); !strings.Contains(text, c.reason) {
					t.Errorf("reason.txt: %s", text)
				}
				if left := must(os.ReadDir(folder))(t); len(left) != 3 {
					t.Errorf("refused folder holds %v, want entry, record and reason", left)
				}
			})
		})
	}
}

// TestSymlinksSkip leaves links inside a transfer out and sends the rest.
func TestSymlinksSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels[0].Symlinks = SymlinksSkip
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"top/file": "text"})
		for _, l := range []string{"top/link", "toplink"} {
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "docs/outbox", l)); err != nil {
				t.Fatal(err)
			}
		}
		d := start(t, cfg)
		id := d.done("sent", 1)[0]
		d.done("refused", 1) // a link at the top is nothing without its target
		d.stop()
		if a := receive(t, d.link.all(), id, nil); len(a.entries) != 2 || a.files["top/file"] != "text" {
			t.Errorf("entries %+v", a.entries)
		}
	})
}

// TestLinkRefuses holds when the device is down: the same packets go out later, none is
// skipped, and the status says what is wrong meanwhile.
func TestLinkRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		link := newCatcher(t)
		down := time.Now().Add(time.Second)
		link.refuse = func() error {
			if now := time.Now(); now.After(down) && now.Before(down.Add(30*time.Second)) {
				return syscall.ENETDOWN
			}
			return nil
		}
		d := start(t, testConfig(dir, link))
		d.until("the fault", func() bool { return d.Status().LinkFault == syscall.ENETDOWN.Error() })
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"file": noise(1, 100_000)})
		id := d.done("sent", 1)[0]
		d.stop()
		receive(t, link.all(), id, nil)
		if st := d.Status(); st.LinkFault != "" || st.Retries == 0 {
			t.Errorf("status %+v", st)
		}
	})
}
