package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// file is the configuration of the daemon under test.
type file struct {
	State   string        `toml:"state"`
	Word    string        `toml:"word"`
	Log     conf.LogStyle `toml:"log"`
	Metrics conf.Metrics  `toml:"metrics"`
}

// fake is a core that does nothing but stand for one.
type fake struct {
	word  string
	sick  *atomic.Bool
	moved func(string)
	fail  chan error

	closing func() // nil for nothing
}

func (f *fake) Run(ctx context.Context) error {
	f.moved("run " + f.word)
	select {
	case <-ctx.Done():
		return nil
	case err := <-f.fail:
		return err
	}
}

func (f *fake) Alive(time.Time) error {
	if f.sick.Load() {
		return errors.New("the line stands still")
	}
	return nil
}

func (f *fake) Collect(chan<- prometheus.Metric) {}
func (f *fake) Close() error {
	f.moved("close " + f.word)
	if f.closing != nil {
		f.closing()
	}
	return nil
}

// livefake takes configurations while it runs.
type livefake struct{ *fake }

func (f livefake) Reload(_ context.Context, c *file) error {
	if c.Word == "bad" {
		return errors.New("no such word")
	}
	f.moved("reload " + c.Word)
	return nil
}

// bench runs a daemon in this process, with a service manager of ours.
type bench struct {
	t     *testing.T
	path  string
	conn  *net.UnixConn
	sick  atomic.Bool
	fail  chan error
	live  bool
	end   context.CancelFunc
	ended chan error

	closing func()
	mu      sync.Mutex
	moves   []string
}

func (b *bench) moved(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moves = append(b.moves, what)
}

func (b *bench) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// start runs the daemon with a watchdog of a third of a second.
func start(t *testing.T, live bool, text string) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, path: filepath.Join(dir, "c.toml"), fail: make(chan error), live: live, ended: make(chan error, 1)}
	b.write(text)
	var err error
	if b.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "notify"))
	t.Setenv("WATCHDOG_USEC", "60000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	ctx, cancel := context.WithCancel(context.Background())
	b.end = cancel
	frame := Frame[*file]{
		Program: "pawl-try",
		Load: func(path string) (*file, error) {
			c := new(file)
			if err := conf.Load(path, c); err != nil {
				return nil, err
			}
			if c.Word == "" {
				return nil, conf.Locate(path, conf.Wrong("word", "is missing"))
			}
			return c, nil
		},
		File:    func(c *file) any { return c },
		Service: func(c *file) Service { return Service{Log: c.Log, Metrics: c.Metrics.Listen} },
		Locked:  func(key string) bool { return key == "state" },
		Open: func(c *file, _ Tools) (Core, error) {
			if c.Word == "unopenable" {
				return nil, errors.New("no room")
			}
			f := &fake{word: c.Word, sick: &b.sick, moved: b.moved, fail: b.fail, closing: func() {
				if b.closing != nil {
					b.closing()
				}
			}}
			if b.live {
				return livefake{f}, nil
			}
			return f, nil
		},
	}
	go func() { b.ended <- frame.Run(ctx, &cli.Env{Stderr: t.Output(), Getenv: os.Getenv}, b.path) }()
	t.Cleanup(func() { cancel(); b.conn.Close() })
	return b
}

// hear waits for a message that has all of these texts.
func (b *bench) hear(wants ...string) string {
	b.t.Helper()
	if err := b.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		b.t.Fatal(err)
	}
	buffer := make([]byte, 4096)
next:
	for {
		n, err := b.conn.Read(buffer)
		if err != nil {
			b.t.Fatalf("no message with %q: %v", wants, err)
		}
		said := string(buffer[:n])
		for _, want := range wants {
			if !strings.Contains(said, want) {
				continue next
			}
		}
		return said
	}
}

func (b *bench) hangup() {
	b.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		b.t.Fatal(err)
	}
	b.hear("RELOADING=1", "MONOTONIC_USEC=")
}

// stop ends the daemon and holds what its cores did to what they should have done.
func (b *bench) stop(want ...string) {
	b.t.Helper()
	b.end()
	b.hear("STOPPING=1")
	if err := <-b.ended; err != nil {
		b.t.Error(err)
	}
	if got := strings.Join(b.moves, ", "); got != strings.Join(want, ", ") {
		b.t.Errorf("cores did: %s\nwant: %s", got, strings.Join(want, ", "))
	}
}

// TestReloadReplaces: a core that can't reload is ended and another begun; what is refused leaves the old one running, or begun
// again.
func TestReloadReplaces(t *testing.T) {
	b := start(t, false, "state = \"s\"\nword = \"one\"\n")
	b.hear("READY=1", "STATUS=running with")
	b.hear("WATCHDOG=1")
	b.hangup()
	b.hear("READY=1") // nothing had changed
	b.write("state = \"s\"\nword = \"two\"\n")
	b.hangup()
	b.hear("READY=1", "STATUS=running with")
	for _, bad := range []struct{ text, want string }{
		{"state = \"s\"\nwrod = \"three\"\n", "c.toml:2: wrod: unknown key"},
		{"state = \"s\"\n", "c.toml:1: word: is missing"},
		{"word = \"three\"\nstate = \"other\"\n", "c.toml:2: state: needs restart: this key can't change while pawl-try runs"},
		{"state = \"s\"\nword = \"unopenable\"\n", "no room"},
	} {
		b.write(bad.text)
		b.hangup()
		b.hear("READY=1", "STATUS=the changed configuration was refused, the one before is in use: ", bad.want)
	}
	b.write("state = \"s\"\nword = \"three\"\n")
	b.hangup()
	b.hear("READY=1", "STATUS=running with")
	b.stop("run one", "close one", "run two", "close two", "run two", "close two", "run three", "close three")
}

// TestReloadInPlace: a core that can reload goes on.
func TestReloadInPlace(t *testing.T) {
	b := start(t, true, "word = \"one\"\n")
	b.hear("READY=1")
	for _, word := range []string{"two", "bad", "three"} {
		b.write("word = \"" + word + "\"\n")
		b.hangup()
		if said := b.hear("READY=1"); strings.Contains(said, "refused") != (word == "bad") {
			t.Errorf("%s: %s", word, said)
		}
	}
	b.stop("run one", "reload two", "reload three", "close one")
}

// TestWatchdogIsFedByLife: a core that stands still is not covered up.
func TestWatchdogIsFedByLife(t *testing.T) {
	b := start(t, false, "word = \"one\"\n[metrics]\nlisten = \"unix:"+filepath.Join(t.TempDir(), "m")+"\"\n")
	b.hear("WATCHDOG=1")
	b.sick.Store(true)
	b.hear("STATUS=no progress: the line stands still")
	// Several looks later nothing was fed.
	if err := b.conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := b.conn.Read(make([]byte, 4096)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d octets were said, %v", n, err)
	}
	b.sick.Store(false)
	b.hear("WATCHDOG=1", "STATUS=running with")
	b.stop("run one", "close one")
}

// TestCoreFails: what a core ends with is the program's end.
func TestCoreFails(t *testing.T) {
	b := start(t, false, "word = \"one\"\n")
	b.hear("READY=1")
	b.fail <- errors.New("broken")
	if err := <-b.ended; err == nil || err.Error() != "broken" {
		t.Errorf("%v", err)
	}
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\nb"); got != "a" {
		t.Errorf("%q", got)
	}
	if got := oneLine(strings.Repeat("ü", 200)); len(got) > statusLimit+4 || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%d octets: %q", len(got), got)
	}
}

func TestHealth(t *testing.T) {
	var s state
	s.begin("pawl-try")
	if h := s.health(); h.Healthy || len(h.Reasons) != 1 {
		t.Errorf("without a core: %+v", h)
	}
	sick := new(atomic.Bool)
	s.set(&fake{sick: sick})
	if h := s.health(); !h.Healthy || len(h.Notes) != 0 {
		t.Errorf("with a core: %+v", h)
	}
	sick.Store(true)
	s.reloaded(errors.New("bad\nline"))
	if h := s.health(); h.Healthy || h.Reasons[0] != "the line stands still" || !strings.HasSuffix(h.Notes[0], "in use: bad") {
		t.Errorf("with a sick core: %+v", h)
	}
}

// TestStopDuringReload: a program that is stopped while it changes cores ends, and says so.
func TestStopDuringReload(t *testing.T) {
	b := start(t, false, "word = \"one\"\n")
	b.hear("READY=1")
	b.closing = b.end // the stop comes while the first core is given back
	b.write("word = \"two\"\n")
	b.hangup()
	b.hear("STOPPING=1")
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	if got := strings.Join(b.moves, ", "); got != "run one, close one" {
		t.Errorf("cores did: %s", got)
	}
}
