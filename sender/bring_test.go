package sender

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// reasons lists what is in refused/: the path of each entry below its transfer and the reason.
func reasons(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, e := range must(os.ReadDir(filepath.Join(dir, "docs/refused")))(t) {
		folder := filepath.Join(dir, "docs/refused", e.Name())
		rec := must(loadRecord(folder))(t)
		if _, err := os.Lstat(rec.source(folder)); err != nil {
			t.Errorf("refused without its entry: %v", err)
		}
		all[rec.Name] = string(must(os.ReadFile(filepath.Join(folder, reasonFile)))(t))
	}
	return all
}

// TestRefusedByChannel: each rule of a channel refuses what breaks it and names it; what
// keeps to it goes.
func TestRefusedByChannel(t *testing.T) {
	for name, c := range map[string]struct {
		in     Intake
		bad    map[string]string // the files of one entry
		reason string
	}{
		"file too large":     {Intake{MaxFile: 10}, map[string]string{"bad/f": "12345678901"}, `"bad/f": has 11 octets; the channel takes files of at most 10`},
		"transfer too large": {Intake{MaxTransfer: 10}, map[string]string{"bad/f": "123456", "bad/g": "123456"}, `more than 10 octets at "bad/g"`},
		"too many entries":   {Intake{MaxEntries: 3}, map[string]string{"bad/f": "", "bad/g": "", "bad/h": ""}, `more than 3 files and folders at "bad/h"`},
		"excluded":           {Intake{Exclude: []string{"*.tmp"}, RefuseFiltered: true}, map[string]string{"bad.tmp": ""}, `"bad.tmp": its name matches "*.tmp"`},
		"excluded inside":    {Intake{Exclude: []string{"*.tmp"}, RefuseFiltered: true}, map[string]string{"bad/a": "", "bad/x.tmp": ""}, `"bad/x.tmp"`},
		"not included":       {Intake{Include: []string{"*.txt"}, RefuseFiltered: true}, map[string]string{"bad.exe": ""}, `includes`},
		"differ in case":     {Intake{FoldCase: true}, map[string]string{"bad/File": "", "bad/fILE": ""}, `"bad/fILE": differs only in case from "File"`},
		"differ, not ASCII":  {Intake{FoldCase: true}, map[string]string{"bad/STRASSE": "", "bad/straße": ""}, `differs only in case`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cfg := testConfig(dir, newCatcher(t))
				cfg.Channels[0].Intake = c.in
				plant(t, filepath.Join(dir, "docs/outbox"), c.bad)
				plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"good.txt": "text"})
				d := start(t, cfg)
				d.done("sent", 1)
				d.done("refused", 1)
				d.stop()
				for entry, reason := range reasons(t, dir) {
					if !strings.HasPrefix(entry, "bad") || !strings.Contains(reason, c.reason) {
						t.Errorf("%s refused: %s", entry, reason)
					}
				}
				if left := must(os.ReadDir(filepath.Join(dir, "docs/outbox")))(t); len(left) != 0 {
					t.Errorf("left: %v", left)
				}
			})
		})
	}
}

// TestRefusedDevice needs a device, which not everybody may make.
func TestRefusedDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		outbox := filepath.Join(dir, "docs/outbox")
		plant(t, outbox, map[string]string{"locked/inside": "text"})
		if err := syscall.Mknod(filepath.Join(outbox, "device"), syscall.S_IFCHR|0o644, 1<<8|3); err != nil {
			t.Skipf("no device can be made: %v", err)
		}
		d := start(t, cfg)
		d.done("refused", 1)
		d.done("sent", 1)
		d.stop()
		if got := reasons(t, dir)["device"]; !strings.Contains(got, "is a device") {
			t.Errorf("reason: %s", got)
		}
	})
}

// TestRefusedUnreadable walks as a user who may not read one of the files. The superuser may
// read all, so a thread of his gives that up.
func TestRefusedUnreadable(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, map[string]string{"top/a": "", "top/locked": "x", "top/shut/x": ""})
	out := filepath.Join(dir, "out")
	err := errors.Join(os.Chmod(filepath.Join(dir, "top/locked"), 0), os.Mkdir(out, 0o777), os.Chmod(out, 0o777), os.Chmod(filepath.Dir(dir), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	walkAs := func() error {
		failed := make(chan error)
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
			if os.Geteuid() == 0 {
				if err := syscall.Setfsuid(65534); err != nil {
					failed <- err
					return
				}
			}
			rec := &record{Channel: 1, Transfer: 1, Name: "top", Source: filepath.Join(dir, "top")}
			failed <- walk(t.Context(), rec, out, rules{intake: new(Intake)})
		}()
		return <-failed
	}
	if err := walkAs(); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), `"top/locked": cannot be read: permission denied`) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	if err := errors.Join(os.Chmod(filepath.Join(dir, "top/locked"), 0o644), os.Chmod(filepath.Join(dir, "top/shut"), 0)); err != nil {
		t.Fatal(err)
	}
	err = walkAs()
	if e := os.Chmod(filepath.Join(dir, "top/shut"), 0o755); e != nil {
		t.Error(e)
	}
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), `"top/shut": cannot be read: permission denied`) {
		t.Errorf("a folder that cannot be read: %v", err)
	}
}

// TestPutBack: what the filters leave inside a folder is in the outbox again, where it was;
// the rest was sent.
func TestPutBack(t *testing.T) {
	for _, group := range []Group{GroupTop, GroupQuiet} {
		t.Run(group.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				cfg := testConfig(dir, newCatcher(t))
				cfg.Channels[0].Intake = Intake{Group: group, Exclude: []string{"~*", ".git"}}
				outbox := filepath.Join(dir, "docs/outbox")
				plant(t, outbox, map[string]string{"d/file": "text", "d/sub/~lock": "lock", "d/.git/config": "git", "~top": "top"})
				d := start(t, cfg)
				id := d.done("sent", 1)[0]
				time.Sleep(time.Minute) // it is not taken again
				d.stop()
				top := ""
				if group == GroupQuiet {
					top = must(loadRecord(filepath.Join(dir, "docs/sent", transferID(7, id))))(t).Name + "/"
				}
				if a := receive(t, d.link.all(), id, nil); len(a.files) != 1 || a.files[top+"d/file"] != "text" {
					t.Errorf("arrived: %q", a.files)
				}
				for name, want := range map[string]string{"d/sub/~lock": "lock", "d/.git/config": "git", "~top": "top"} {
					if got, err := os.ReadFile(filepath.Join(outbox, name)); err != nil || string(got) != want {
						t.Errorf("%s: %q, %v", name, got, err)
					}
				}
				if n := len(must(os.ReadDir(filepath.Join(dir, "docs/sent")))(t)); n != 1 {
					t.Errorf("%d transfers", n)
				}
			})
		})
	}
}

// TestBatchParted: an entry of a batch that may not cross is refused alone.
func TestBatchParted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels[0].Intake = Intake{Group: GroupQuiet}
		outbox := filepath.Join(dir, "docs/outbox")
		plant(t, outbox, map[string]string{"a": "1", "bad/f": "2", "c/d": "3", "worse/CON": "4"})
		if err := os.Symlink("/etc/passwd", filepath.Join(outbox, "bad/link")); err != nil {
			t.Fatal(err)
		}
		d := start(t, cfg)
		id := d.done("sent", 1)[0]
		d.done("refused", 2)
		d.stop()
		a := receive(t, d.link.all(), id, nil)
		if len(a.files) != 2 || a.files[a.head.Name+"/a"] != "1" || a.files[a.head.Name+"/c/d"] != "3" {
			t.Errorf("arrived: %q", a.files)
		}
		why := reasons(t, dir)
		if !strings.Contains(why["bad"], `"bad/link": is a symbolic link`) || !strings.Contains(why["worse"], `"worse/CON"`) || len(why) != 2 {
			t.Errorf("refused: %q", why)
		}
	})
}

// TestFilesCarryTheirFolders: group "file" sends each file below the folders it lay in.
func TestFilesCarryTheirFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Channels[0].Intake = Intake{Group: GroupFile}
		plant(t, filepath.Join(dir, "docs/outbox"), map[string]string{"a": "1", "d/e/b": "2", "d/e/c": "3"})
		d := start(t, cfg)
		ids := d.done("sent", 3)
		d.stop()
		got := map[string]string{}
		for _, id := range ids {
			a := receive(t, d.link.all(), id, nil)
			if len(a.files) != 1 {
				t.Errorf("%d files in one transfer", len(a.files))
			}
			for p, text := range a.files {
				got[p] = text
			}
		}
		if len(got) != 3 || got["a"] != "1" || got["d/e/b"] != "2" || got["d/e/c"] != "3" {
			t.Errorf("arrived: %q", got)
		}
	})
}

// errKill is a tap's: the process ends after this step.
var errKill = fmt.Errorf("killed: %w", errEnded)

// TestKilledWhileClaiming ends a claim after each of its steps, then the recovery of it after
// each of its, and starts again: each file is in exactly one place, with its marker where the
// file has not been claimed, and the transfers that are queued hold each file once.
func TestKilledWhileClaiming(t *testing.T) {
	files := map[string]string{"a": "1", "d/b": "2", "d/e/c": "3", "transfer.json": "4", "bad/CON": "5"}
	for name, c := range map[string]struct {
		in    Intake
		drops []drop
	}{
		"top":   {Intake{Complete: CompleteReady}, []drop{{paths: []string{"a"}}, {paths: []string{"d"}}, {paths: []string{"transfer.json"}}, {paths: []string{"bad"}}}},
		"file":  {Intake{Complete: CompleteReady, Group: GroupFile}, []drop{{paths: []string{"a"}}, {paths: []string{"d/e/c"}}, {paths: []string{"bad/CON"}}}},
		"batch": {Intake{Complete: CompleteReady, Group: GroupQuiet}, []drop{{paths: []string{"a", "bad", "d", "transfer.json"}, batch: "20260102T030405.000Z"}}},
	} {
		t.Run(name, func(t *testing.T) {
			most := 0
			for kill := 1; kill <= most+1; kill++ {
				for again := range 2 {
					dir := t.TempDir()
					plant(t, filepath.Join(dir, "docs/outbox"), files)
					marks := markers(t, dir, c.drops)
					steps := 0
					tap := func(string) error {
						if steps++; steps == kill || again > 0 && steps == kill+again {
							return errKill
						}
						return nil
					}
					killed := false
					s := idleSender(t, dir, c.in, tap)
					for _, d := range c.drops {
						if err := s.claimer.claim(t.Context(), s.channels[0], d); errors.Is(err, errKill) {
							killed = true
							break
						} else if err != nil {
							t.Fatal(err)
						}
					}
					if !killed {
						most = max(most, steps)
					} else {
						most = kill + 1
					}
					s.lock.Close()
					for range 3 { // killed in the recovery, and then not
						s = idleSender(t, dir, c.in, tap)
						if err := s.claimer.recover(t.Context(), s.channels[0]); err != nil && !errors.Is(err, errKill) {
							t.Fatal(err)
						}
						s.lock.Close()
					}
					places(t, dir, files, marks, fmt.Sprintf("killed at %d, again %d later", kill, again))
					if !killed {
						if kill < 8 {
							t.Fatalf("only %d steps", steps)
						}
						return
					}
				}
			}
		})
	}
}

// markers puts one beside each entry that will be claimed.
func markers(t *testing.T, dir string, drops []drop) (all []string) {
	t.Helper()
	for _, d := range drops {
		for _, p := range d.paths {
			all = append(all, p)
			if err := os.WriteFile(filepath.Join(dir, "docs/outbox", p+readySuffix), []byte("ready"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// idleSender is a sender that is not run, with a claimer that a test may end.
func idleSender(t *testing.T, dir string, in Intake, tap func(string) error) *Sender {
	t.Helper()
	cfg := testConfig(dir, newCatcher(t))
	cfg.Channels[0].Intake = in
	s := must(New(cfg))(t)
	s.claimer.tap = tap
	return s
}

// places finds each file exactly once in outbox, claimed or refused, whole; no folder of
// claimed/ without its entry; and a marker in the outbox exactly beside what is still there.
func places(t *testing.T, dir string, files map[string]string, marked []string, when string) {
	t.Helper()
	found := map[string][]string{} // text: places
	err := filepath.WalkDir(filepath.Join(dir, "docs"), func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(p) == readySuffix {
			return err
		}
		text, err := os.ReadFile(p)
		if len(text) == 1 {
			found[string(text)] = append(found[string(text)], p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if len(found[text]) != 1 {
			t.Errorf("%s: %s is at %q", when, name, found[text])
		}
	}
	for _, p := range marked {
		_, entry := os.Lstat(filepath.Join(dir, "docs/outbox", p))
		_, mark := os.Lstat(filepath.Join(dir, "docs/outbox", p+readySuffix))
		if (entry == nil) != (mark == nil) {
			t.Errorf("%s: %s in the outbox: %v, its marker: %v", when, p, entry, mark)
		}
	}
	for _, e := range must(os.ReadDir(filepath.Join(dir, "docs/claimed")))(t) {
		folder := filepath.Join(dir, "docs/claimed", e.Name())
		rec, err := loadRecord(folder)
		if err != nil {
			t.Errorf("%s: %v", when, err)
			continue
		}
		if _, err := os.Lstat(rec.source(folder)); err != nil || !rec.planned() {
			t.Errorf("%s: %s is claimed, planned %v: %v", when, e.Name(), rec.planned(), err)
		}
		inside := must(os.ReadDir(folder))(t)
		if slices.ContainsFunc(inside, func(e fs.DirEntry) bool { return e.Name() == markerFolder }) {
			t.Errorf("%s: marker is kept", when)
		}
	}
}
