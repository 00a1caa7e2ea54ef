package release

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"pawl/framing/person"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// events lets a test wait for log lines instead of for time.
type events struct {
	mu    sync.Mutex
	more  *sync.Cond
	lines []string
}

func (e *events) logger() *zap.Logger {
	e.more = sync.NewCond(&e.mu)
	return zap.New(&tap{zapcore.NewNopCore(), e})
}

// until waits for a line that contains all of the texts.
func (e *events) until(t *testing.T, texts ...string) {
	t.Helper()
	timeout := time.AfterFunc(30*time.Second, func() { e.add("timeout") })
	defer timeout.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for seen := 0; ; e.more.Wait() {
		for ; seen < len(e.lines); seen++ {
			found := true
			for _, text := range texts {
				found = found && strings.Contains(e.lines[seen], text)
			}
			if found {
				return
			}
			if e.lines[seen] == "timeout" {
				t.Fatalf("no %q in %q", texts, e.lines)
			}
		}
	}
}

func (e *events) add(line string) {
	e.mu.Lock()
	e.lines = append(e.lines, line)
	e.mu.Unlock()
	e.more.Broadcast()
}

// start runs a daemon until the test ends and gives its nudges.
func (h *house) start(t *testing.T, log *events, channels ...Channel) chan<- struct{} {
	t.Helper()
	gate := NewGate(h.store, h.key.Public(), channels, "daemon", log.logger())
	gate.People(h.gate.people)
	ctx, stop := context.WithCancel(t.Context())
	nudges, done := make(chan struct{}), make(chan error, 1)
	d := NewDaemon(gate, time.Hour)
	var hours atomic.Int64
	d.now = func() time.Time { return monday.Add(time.Duration(hours.Add(2)) * time.Hour) } // each try that failed was long ago
	go func() { done <- d.Run(ctx, nudges) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return nudges
}

func TestDaemonServesChannelsApart(t *testing.T) {
	h := build(t, true)
	second := filepath.Join(t.TempDir(), "late")
	one := quarantine.ID{Channel: 1, Transfer: 1}
	two := quarantine.ID{Channel: 2, Transfer: 1}
	file := []checktest.Entry{{Path: "f", Data: []byte("x")}}
	h.put(t, two, checktest.Build(t, two, h.key, file))
	h.put(t, one, checktest.Build(t, one, h.key, file))
	stray := quarantine.ID{Channel: 9, Transfer: 1}
	h.put(t, stray, checktest.Build(t, stray, h.key, file))
	if err := os.WriteFile(filepath.Join(h.store.Folder(quarantine.Complete), "note\x1b[2J"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(events)
	nudges := h.start(t, log, Channel{ID: 1, Name: "one", Inbox: h.inbox, Release: Auto}, Channel{ID: 2, Name: "two", Inbox: second, Release: Auto})
	log.until(t, "transfer released", one.String())
	log.until(t, "trying again", two.String(), "no such file")
	log.until(t, "not configured", stray.String())
	log.until(t, "not a transfer", `complete/note\x1b[2J`)
	h.is(t, two, quarantine.Checking)
	h.is(t, stray, quarantine.Complete)

	// A new one comes, and the second inbox with it.
	three := quarantine.ID{Channel: 1, Transfer: 2}
	h.put(t, three, checktest.Build(t, three, h.key, []checktest.Entry{{Path: "g"}}))
	if err := os.Mkdir(second, 0o755); err != nil {
		t.Fatal(err)
	}
	nudges <- struct{}{}
	log.until(t, "transfer released", three.String())
	log.until(t, "transfer released", two.String())
	if err := diff(second, file); err != nil && !strings.Contains(err.Error(), "time") {
		t.Error(err)
	}
}

func TestDaemonTakesUpAnApprovalAndClearsUp(t *testing.T) {
	h := build(t, false)
	log := new(events)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.approve(t, id, "alice")
	// Left by crashes: the staging and the content of a transfer that is released; a staging of nobody's.
	old, foreign := quarantine.ID{Channel: id.Channel, Transfer: 1}, quarantine.ID{Channel: id.Channel, Transfer: 2}
	checktest.Build(t, old, h.key, checktest.Tree()).Write(t, h.store.Dir(quarantine.Released, old))
	for _, name := range []string{stageName(old), stageName(foreign)} {
		if err := os.Mkdir(filepath.Join(h.inbox, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h.start(t, log, h.gate.channels[id.Channel])
	log.until(t, "transfer released", id.String())
	for path, there := range map[string]bool{
		filepath.Join(h.inbox, stageName(old)):                                       false,
		filepath.Join(h.inbox, stageName(foreign)):                                   true,
		filepath.Join(h.store.Dir(quarantine.Released, old), quarantine.ContentFile): false,
		filepath.Join(h.store.Dir(quarantine.Released, old), quarantine.PlanFile):    true,
		filepath.Join(h.inbox, "tree", "a", "b", "deep.txt"):                         true,
	} {
		if _, err := os.Lstat(path); (err == nil) != there {
			t.Errorf("%s: %v, want there %t", path, err, there)
		}
	}
}

// TestManyHandsOneRelease lets many approve the same transfers at once while a daemon looks for work.
func TestManyHandsOneRelease(t *testing.T) {
	h := build(t, false)
	var ids []quarantine.ID
	for n := range uint64(8) {
		next := quarantine.ID{Channel: id.Channel, Transfer: n + 1}
		ids = append(ids, next)
		h.put(t, next, checktest.Build(t, next, h.key, []checktest.Entry{{Path: next.String(), Data: []byte("x")}}))
		h.run(t, next, quarantine.Complete, quarantine.Held)
	}
	log := new(events)
	nudges := h.start(t, log, h.gate.channels[id.Channel])
	var hands sync.WaitGroup
	for range 4 {
		for _, next := range ids {
			hands.Go(func() {
				err := h.decide(t, next, "alice", person.Approve)
				if err == nil || errors.Is(err, ErrTwice) {
					_, err = h.gate.Run(t.Context(), next, quarantine.Held)
				}
				if err != nil && !errors.Is(err, quarantine.ErrLocked) && !errors.Is(err, ErrState) && !errors.Is(err, ErrStale) && !errors.Is(err, os.ErrNotExist) {
					t.Error(err)
				}
			})
			hands.Go(func() { nudges <- struct{}{} })
		}
	}
	hands.Wait()
	for _, next := range ids {
		h.is(t, next, quarantine.Released)
		events, err := h.store.History(next, quarantine.Released)
		released := 0
		for _, e := range events {
			if e.To == quarantine.Released && e.From == quarantine.Checking {
				released++
			}
		}
		if err != nil || released != 1 {
			t.Errorf("%s: released %d times (%v)", next, released, err)
		}
	}
}

// TestProgressIsHeardFileByFile: a watchdog must tell many small files from one that hangs.
func TestProgressIsHeardFileByFile(t *testing.T) {
	h := build(t, true)
	n := 0
	h.gate.moved = func(quarantine.ID) { n++ }
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	files := 0
	for _, e := range checktest.Tree() {
		if !e.Dir {
			files++
		}
	}
	if want := len(checktest.Tree()) + files; n != want { // checked, and read back
		t.Errorf("heard %d times, want %d", n, want)
	}
	p := pulse{}
	p.begin(Work{Channel: id.Channel, Transfer: id.String()})
	p.moved(quarantine.ID{Channel: id.Channel, Transfer: 1}, monday)
	p.moved(id, monday.Add(time.Hour))
	if got := p.works[id.Channel].Moved; !got.Equal(monday.Add(time.Hour)) {
		t.Errorf("moved %v", got)
	}
}
