package sender

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
)

// The crash test runs a sender in a child process that kills itself after its n-th step
// towards the disk, for every n, and then goes on in the state that the disk is in.

const (
	crashEnv  = "PAWL_TEST_CRASH" // n, the step after which the child dies
	crashArgs = 3                 // folder, key, mode
)

// everyStep makes the crash test die after each step, not after each fifth from a random one on.
var everyStep = flag.Bool("every-step", false, "crash after every step towards the disk")

// crashTree is what the child has in its outbox.
func crashTree() map[string]string {
	return map[string]string{
		"big": noise(1, 2_000_000), "empty": "", "top/a": "first", "top/b": noise(2, 200_000), "top/void/": "",
	}
}

// tape is a link that keeps what it was given in a file.
type tape struct{ file *os.File }

func (l *tape) Write(batch []byte) (int, error) {
	_, err := l.file.Write(batch)
	return len(batch) / (testT + framing.Overhead), err
}

// crasher dies after the n-th step. In the mode "power" it first takes back what the disk
// does not promise: octets that were not synced, and a rename whose folder was not.
type crasher struct {
	mu    sync.Mutex
	left  int
	power bool
	dirty map[string]bool   // files that were written to and not synced
	old   map[string][]byte // by path that was renamed over and is not sure yet: what was there, nil for nothing
	last  map[string][]byte // what was synced under a temporary name's final name
}

func (c *crasher) step(step, path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	final := strings.TrimSuffix(path, ".tmp")
	switch step {
	case stepWritten:
		c.dirty[path] = true
	case stepSynced:
		delete(c.dirty, path)
		c.last[final], _ = os.ReadFile(final) // before the rename: what is to be replaced
	case stepRenamed:
		c.old[path] = c.last[path]
	case stepFolder:
		for p := range c.old {
			if filepath.Dir(p) == path {
				delete(c.old, p)
			}
		}
	}
	if c.left--; c.left != 0 {
		return
	}
	if c.power {
		c.outage()
	}
	self, _ := os.FindProcess(os.Getpid())
	self.Kill()
	select {} // until it has come
}

func (c *crasher) outage() {
	for path := range c.dirty {
		_ = os.Truncate(path, 0)
	}
	for path, was := range c.old {
		if was == nil {
			_ = os.Remove(path)
			continue
		}
		_ = os.WriteFile(path, was, 0o600)
	}
}

// crashChild sends what is in the outbox, and says by its exit code whether it came to an end.
func crashChild(n int, args []string) int {
	key, err := seal.ParseSenderKey(args[1])
	if err != nil {
		return sick(err)
	}
	file, err := os.OpenFile(filepath.Join(args[0], "tape"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return sick(err)
	}
	// The one before may have died in the middle of a batch.
	info, err := file.Stat()
	if err == nil {
		err = file.Truncate(info.Size() - info.Size()%(testT+framing.Overhead))
	}
	if err != nil {
		return sick(err)
	}
	cfg := testConfig(args[0], nil)
	cfg.Seal, cfg.Key, cfg.Receiver = seal.ModeNone, key, nil
	cfg.Link, cfg.Pacer = &tape{file}, link.NewPacer(400e6, 0)
	cfg.Forecast.Memory = 1 << 20
	cfg.Channels[0].Passes, cfg.Channels[0].Quiet = 2, time.Millisecond
	cfg.Channels[0].Quota = Quota{Bytes: 1 << 40}
	c := &crasher{left: n, power: args[2] == "power", dirty: map[string]bool{}, old: map[string][]byte{}, last: map[string][]byte{}}
	onStep = c.step
	s, err := New(cfg)
	if err != nil {
		return sick(err)
	}
	s.schedule.every = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			sent, err := os.ReadDir(filepath.Join(args[0], "docs/sent"))
			if err != nil || len(sent) == 3 && s.Status().Queue == 0 {
				return
			}
			if pause(ctx, time.Millisecond) != nil {
				return
			}
		}
	}()
	if err := s.Run(ctx); err != nil {
		return sick(err)
	}
	return 0
}

func sick(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 3
}

// TestKilledAfterAnyStep kills a sender after each of its steps towards the disk, by itself
// and with the power: afterwards each entry is in exactly one place, what is in sent/ was
// sent whole, and the next start brings all of them there.
func TestKilledAfterAnyStep(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d, every step: %v", seed, *everyStep)
	for _, mode := range []string{"kill", "power"} {
		t.Run(mode, func(t *testing.T) {
			for n := 1; ; n++ {
				if n > 1000 {
					t.Fatal("no end of steps")
				}
				if !*everyStep && n%5 != int(seed%5) {
					continue
				}
				if crashOnce(t, n, mode) {
					t.Logf("%d steps", n-1)
					return
				}
			}
		})
	}
}

// crashOnce kills a child after step n and lets the next one end. It says whether the first
// one came to its end.
func crashOnce(t *testing.T, n int, mode string) bool {
	dir, err := os.MkdirTemp(memory(), "pawl-crash-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	plant(t, filepath.Join(dir, "docs/outbox"), crashTree())
	through := crashRun(t, n, dir, mode)
	accounted(t, n, dir)
	if !through && !crashRun(t, -1, dir, mode) {
		t.Fatalf("step %d: the next start did not come through", n)
	}
	if left := accounted(t, n, dir); left != 0 {
		t.Fatalf("step %d: %d are not in sent/", n, left)
	}
	return through
}

// memory is a file system in memory, if there is one: what is synced is not the disk's matter here.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// crashRun runs a child to its end or its death.
func crashRun(t *testing.T, n int, dir, mode string) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], dir, keys().sender.Text(), mode)
	// The race detector's runtime sleeps for a second at each exit unless it is told not to.
	cmd.Env = append(os.Environ(), crashEnv+"="+strconv.Itoa(n), "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return true
	case errors.As(err, &exit) && exit.ExitCode() == -1:
		return false
	}
	t.Fatalf("child, step %d: %v\n%s", n, err, out)
	return false
}

// accounted holds the folders to the promise, and says how many entries are not in sent/.
func accounted(t *testing.T, n int, dir string) (left int) {
	t.Helper()
	var packets []wirePacket
	for _, name := range []string{"big", "empty", "top"} {
		var at []string
		for _, place := range []string{"outbox", "claimed/*", "sent/*", "refused/*"} {
			found, _ := filepath.Glob(filepath.Join(dir, "docs", place, name))
			at = append(at, found...)
		}
		if len(at) != 1 || strings.Contains(at[0], "/refused/") {
			t.Fatalf("step %d: %q is in %v", n, name, at)
		}
		if !strings.Contains(at[0], "/sent/") {
			left++
			continue
		}
		if packets == nil {
			packets = played(t, filepath.Join(dir, "tape"))
		}
		rec := must(loadRecord(filepath.Dir(at[0])))(t)
		if rec.State != StateSent {
			continue // moved there by a start that was killed before it was moved back
		}
		a := receive(t, packets, rec.Transfer, nil)
		for path, text := range crashTree() {
			if strings.HasPrefix(path, name) && !strings.HasSuffix(path, "/") && a.files[path] != text {
				t.Fatalf("step %d: %q of a sent transfer is another", n, path)
			}
		}
	}
	return left
}

// played are the symbols on a tape; a batch that was cut short by a crash is not on it.
func played(t *testing.T, path string) (all []wirePacket) {
	t.Helper()
	const size = testT + framing.Overhead
	text := must(os.ReadFile(path))(t)
	for ; len(text) >= size; text = text[size:] {
		p := wirePacket{payload: text[framing.HeaderSize : framing.HeaderSize+testT]}
		if err := framing.ParseHeader(text[:size], &p.h); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}
