package sender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// yard is an outbox with nothing behind it: what is claimed is noted, and removed.
type yard struct {
	*outbox
	t     *testing.T
	dir   string // the outbox
	taken []string
	drops []drop
}

func newYard(t *testing.T, in Intake, events chan Event) *yard {
	t.Helper()
	ch := &channel{Channel: Channel{ID: 7, Name: "docs", Folder: t.TempDir(), Intake: in}.withDefaults(), room: make(chan struct{}, 1)}
	y := &yard{t: t, dir: ch.folder("outbox")}
	if err := os.Mkdir(y.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	y.outbox = newOutbox(ch, events, func(*channel) bool { return false }, y.note, zap.NewNop())
	return y
}

func (y *yard) note(_ context.Context, _ *channel, d drop) error {
	y.drops = append(y.drops, d)
	for _, p := range d.paths {
		y.taken = append(y.taken, p)
		os.Remove(filepath.Join(y.dir, p+readySuffix))
		if err := os.RemoveAll(filepath.Join(y.dir, p)); err != nil {
			return err
		}
	}
	return nil
}

func (y *yard) do(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *yard) path(name string) string { return filepath.Join(y.dir, name) }

// looks looks for so long, every half quiet time.
func (y *yard) looks(long time.Duration) {
	y.t.Helper()
	for end := time.Now().Add(long); ; time.Sleep(y.channel.Quiet / 2) {
		if _, err := y.look(y.t.Context(), time.Now()); err != nil {
			y.t.Fatal(err)
		}
		if !time.Now().Before(end) {
			return
		}
	}
}

func (y *yard) hears(events ...Event) {
	y.t.Helper()
	for _, e := range events {
		y.do(y.hear(y.t.Context(), e))
	}
}

// open opens a file of the outbox, or any, for writing.
func (y *yard) open(path string) *os.File {
	y.t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	y.do(err)
	_, err = f.WriteString("half")
	y.do(err)
	return f
}

// TestComplete: for each set of signs, what happens to an entry and when it is taken.
func TestComplete(t *testing.T) {
	const quiet = DefaultQuiet
	made, closed, moved := Event{Name: "x", Created: true}, Event{Name: "x", Closed: true}, Event{Name: "x", Moved: true}
	file := func(y *yard) { y.do(os.WriteFile(y.path("x"), []byte("text"), 0o644)) }
	folder := func(y *yard) { plant(y.t, y.dir, map[string]string{"x/sub/file": "text"}) }
	for name, c := range map[string]struct {
		in    string
		drop  func(*yard)
		news  []Event
		after time.Duration // until it is taken; -1: never
		why   string        // while it waits
	}{
		"rename, moved in":               {"rename", file, []Event{moved}, 0, ""},
		"rename, folder moved in":        {"rename", folder, []Event{moved}, 0, ""},
		"rename, written in place":       {"rename", file, []Event{made, closed}, -1, "written in place"},
		"rename, folder made in place":   {"rename", folder, []Event{made}, -1, "written in place"},
		"rename, made and then moved":    {"rename", file, []Event{made, closed, moved}, 0, ""},
		"rename, no news of it":          {"rename", file, nil, quiet, "quiet time"},
		"close, closed":                  {"close", file, []Event{made, closed}, 0, ""},
		"close, no news of it":           {"close", file, nil, 0, ""},
		"close, folder":                  {"close", folder, []Event{made}, quiet, "quiet time"},
		"quiet, file":                    {"quiet", file, []Event{made, closed}, quiet, "quiet time"},
		"quiet, moved in":                {"quiet", file, []Event{moved}, quiet, "quiet time"},
		"quiet, folder":                  {"quiet", folder, nil, quiet, "quiet time"},
		"rename and quiet, in place":     {"rename,quiet", file, []Event{made, closed}, quiet, "quiet time"},
		"rename and quiet, moved in":     {"quiet, rename", file, []Event{moved}, 0, ""},
		"ready, no marker":               {"ready", file, []Event{moved}, -1, "marker"},
		"ready, folder without a marker": {"ready", folder, []Event{moved}, -1, "marker"},
		"ready, marker": {"ready", func(y *yard) { file(y); y.do(os.WriteFile(y.path("x.ready"), nil, 0o644)) },
			[]Event{{Name: "x.ready", Created: true}}, 0, ""},
		"ready, folder and marker": {"ready", func(y *yard) { folder(y); y.do(os.WriteFile(y.path("x.ready"), nil, 0o644)) }, nil, 0, ""},
		"ready, only a marker":     {"ready", func(y *yard) { y.do(os.WriteFile(y.path("x.ready"), nil, 0o644)) }, nil, -1, "not there"},
		"ready or quiet":           {"ready,quiet", file, nil, quiet, "quiet time"},
		"rename, a link in place":  {"rename", func(y *yard) { y.do(os.Symlink("/etc/passwd", y.path("x"))) }, []Event{made}, quiet, "quiet time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signs, err := ParseComplete(c.in)
				if err != nil {
					t.Fatal(err)
				}
				y := newYard(t, Intake{Complete: signs}, make(chan Event))
				c.drop(y)
				y.hears(c.news...)
				y.looks(0)
				if held := y.status().Held; c.after != 0 && (len(held) != 1 || !strings.Contains(held[0].Why, c.why)) {
					t.Errorf("it waits because %+v, want %q", held, c.why)
				}
				if c.after > 0 {
					y.looks(c.after - quiet/2)
					if len(y.taken) != 0 {
						t.Errorf("taken before its time: %q", y.taken)
					}
				}
				y.looks(10 * quiet)
				want := []string{"x"}
				if c.after < 0 {
					want = nil
				}
				if !slices.Equal(y.taken, want) {
					t.Errorf("taken: %q, want %q", y.taken, want)
				}
				if left, err := os.ReadDir(y.dir); err != nil || c.after >= 0 && len(left) != 0 {
					t.Errorf("left in the outbox: %v, %v", left, err)
				}
			})
		})
	}
}

// TestOpenWriters: nothing is taken while somebody is known to write, whatever the sign and
// however long he pauses, and it is taken when he is done.
func TestOpenWriters(t *testing.T) {
	for _, signs := range []Complete{CompleteRename, CompleteClose, CompleteQuiet, CompleteReady, DefaultComplete} {
		for name, begin := range map[string]func(y *yard) *os.File{
			"a slow writer":    func(y *yard) *os.File { return y.open(y.path("x")) },
			"deep in a folder": func(y *yard) *os.File { y.do(os.MkdirAll(y.path("x/sub"), 0o755)); return y.open(y.path("x/sub/f")) },
			"under another name": func(y *yard) *os.File {
				f := y.open(y.dir + ".elsewhere")
				y.do(os.Link(f.Name(), y.path("x")))
				return f
			},
		} {
			t.Run(fmt.Sprintf("%v, %s", signs, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					y := newYard(t, Intake{Complete: signs}, make(chan Event))
					f := begin(y)
					y.do(os.WriteFile(y.path("x"+readySuffix), nil, 0o644))
					if signs&CompleteReady == 0 {
						y.do(os.Remove(y.path("x" + readySuffix)))
					}
					y.hears(Event{Name: "x", Moved: true}, Event{Name: "x", Closed: true})
					y.looks(20 * y.channel.Quiet)
					if len(y.taken) != 0 {
						t.Fatalf("taken half: %q", y.taken)
					}
					if held := y.status().Held; len(held) != 1 || !strings.Contains(held[0].Why, "open for writing") {
						t.Errorf("held: %+v", held)
					}
					_, err := f.WriteString(" and whole")
					y.do(errors.Join(err, f.Close()))
					y.hears(Event{Name: "x", Closed: true})
					y.looks(2 * y.channel.Quiet)
					if !slices.Equal(y.taken, []string{"x"}) {
						t.Errorf("taken: %q", y.taken)
					}
				})
			})
		}
	}
}

// TestBlind: where the file system does not tell of writers, quiet is all there is, and the
// status says so.
func TestBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, Intake{Complete: CompleteClose}, nil)
		y.probe = func(*os.File) (bool, error) { return false, errors.ErrUnsupported }
		y.do(os.WriteFile(y.path("x"), nil, 0o644))
		y.looks(y.channel.Quiet / 2)
		if len(y.taken) != 0 {
			t.Error("taken without a sign")
		}
		y.looks(2 * y.channel.Quiet)
		if s := y.status(); len(y.taken) != 1 || !s.Blind || !s.Looking || s.Why == "" {
			t.Errorf("taken %q, status %+v", y.taken, s)
		}
	})
}

// TestDeaf: when the news ends, the outbox is looked at, and the status says so.
func TestDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := make(chan Event)
		y := newYard(t, Intake{}, events)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- y.run(ctx) }()
		events <- Event{}
		synctest.Wait()
		if s := y.status(); s.Looking || s.Rescans != 1 {
			t.Errorf("status %+v", s)
		}
		close(events)
		synctest.Wait()
		if s := y.status(); !s.Looking || s.Why == "" {
			t.Errorf("status %+v", s)
		}
		y.do(os.WriteFile(y.path("x"), nil, 0o644))
		time.Sleep(2 * y.channel.Quiet)
		synctest.Wait()
		cancel()
		<-ended
		if len(y.taken) != 1 {
			t.Errorf("taken %q", y.taken)
		}
	})
}

// TestFilters: what stays, at the top and inside.
func TestFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, Intake{Include: []string{"*.txt", "drafts/*"}, Exclude: []string{"~*", "*.tmp.txt"}}, nil)
		plant(t, y.dir, map[string]string{
			"a.txt": "", "a.exe": "", "~a.txt": "", "a.tmp.txt": "",
			"drafts/": "", "drafts/any": "", "junk/~lock": "", "junk/sub/x.exe": "", "~folder/a.txt": "", "mixed/a.txt": "", "mixed/b.exe": "",
		})
		y.looks(3 * y.channel.Quiet)
		slices.Sort(y.taken)
		if want := []string{"a.txt", "drafts", "mixed"}; !slices.Equal(y.taken, want) {
			t.Errorf("taken %q, want %q", y.taken, want)
		}
		if s := y.status(); s.Waiting != 5 || len(s.Held) != 5 {
			t.Errorf("status %+v", s)
		}
	})
}

// TestBatches: what arrives together is one transfer; what comes later is another; what comes
// on and on does not keep the first back for ever.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, Intake{Group: GroupQuiet, FoldCase: true}, nil)
		quiet := y.channel.Quiet
		plant(t, y.dir, map[string]string{"a": "1", "d/b": "2"})
		y.do(os.Symlink("a", y.path("link")))
		y.looks(quiet / 2)
		plant(t, y.dir, map[string]string{"c": "3", "A": "4"})
		y.looks(3 * quiet)
		want := [][]string{{"link"}, {"A", "c", "d"}, {"a"}}
		if got := paths(y.drops); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("batches %q, want %q", got, want)
		}
		for _, d := range y.drops[1:] {
			if _, err := time.Parse("20060102T150405.000Z", d.batch); err != nil {
				t.Errorf("name: %v", err)
			}
		}
		y.drops = nil
		for i := range 60 {
			plant(t, y.dir, map[string]string{fmt.Sprint(i): ""})
			y.looks(0)
			time.Sleep(quiet / 2)
		}
		if n := len(y.drops); n < 1 || n > 4 {
			t.Errorf("%d batches while files came on and on for 30 quiet times: %q", n, paths(y.drops))
		}
	})
}

func paths(drops []drop) (all [][]string) {
	for _, d := range drops {
		all = append(all, d.paths)
	}
	return all
}

// TestFilesOfFolders: each file by itself; the folders stay.
func TestFilesOfFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, Intake{Group: GroupFile}, make(chan Event))
		plant(t, y.dir, map[string]string{"a": "", "d/b": "", "d/e/c": "", "d/e/void/": ""})
		y.hears(Event{Name: "d", Moved: true})
		y.looks(0)
		if want := []string{"d/b", "d/e/c"}; !slices.Equal(y.taken, want) {
			t.Errorf("taken at once %q, want %q", y.taken, want)
		}
		y.looks(2 * y.channel.Quiet)
		if want := []string{"d/b", "d/e/c", "a"}; !slices.Equal(y.taken, want) {
			t.Errorf("taken %q, want %q", y.taken, want)
		}
		if _, err := os.Stat(y.path("d/e/void")); err != nil {
			t.Error(err)
		}
	})
}

// TestStream looks at more names than are listed at a time, with little room: all are taken
// once, and what there was no room for is not listed anew for each.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, Intake{Complete: CompleteClose}, nil)
		const n = 3*lookNames + 7
		for i := range n {
			y.do(os.WriteFile(y.path(fmt.Sprint(i)), nil, 0o644))
		}
		room, looks := 0, 0
		y.full = func(*channel) bool { room--; return room < 0 }
		for len(y.taken) < n && looks < n {
			room = 100
			y.looks(0)
			looks++
		}
		slices.Sort(y.taken)
		if len(slices.Compact(y.taken)) != n || looks > n/50 {
			t.Errorf("%d taken in %d looks", len(y.taken), looks)
		}
		if len(y.known.entries) != 0 {
			t.Errorf("%d entries are remembered", len(y.known.entries))
		}
	})
}

func TestParseIntake(t *testing.T) {
	for _, c := range []Complete{1, 3, 8, 15} {
		if got, err := ParseComplete(c.String()); got != c || err != nil {
			t.Errorf("%v: %v, %v", c, got, err)
		}
	}
	for _, text := range []string{"", "renamed", "rename;quiet", "rename,"} {
		if c, err := ParseComplete(text); err == nil {
			t.Errorf("%q is %v", text, c)
		}
	}
	for _, text := range []string{"", "[", "/a", "a/"} {
		if CheckPattern(text) == nil {
			t.Errorf("pattern %q was taken", text)
		}
	}
}
