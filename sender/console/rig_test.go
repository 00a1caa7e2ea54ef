package console

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pawl/framing/lowlog"
	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/hw/web"
	"pawl/sender"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a daemon's end of the socket: it says what it is told to say, and keeps what it was asked. The real one is in the tests of cmd/pawl-send.
type fake struct {
	t        *testing.T
	path     string
	listener net.Listener
	ended    sync.WaitGroup

	mu     sync.Mutex
	asked  []sender.Request
	status sender.Status
	queue  sender.Queue
	boxes  sender.Outboxes
	shows  map[string]sender.Details
	deaf   chan struct{} // not nil: it answers nothing but the status until this is closed
}

func newFake(t *testing.T) *fake {
	t.Helper()
	dir, err := os.MkdirTemp("", "console") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, path: filepath.Join(dir, "s"), shows: map[string]sender.Details{}}
	f.status = sender.Status{Version: "1.2.3", Started: time.Now().Add(-time.Hour), Seal: "aes-256-gcm", Rate: 1e9, Room: 1 << 40, Transfers: []sender.TransferStatus{},
		Channels: []sender.ChannelStatus{{Name: "docs", Weight: 1, Open: true}, {Name: "logs", Weight: 2, Open: true}},
		Intake:   []sender.IntakeStatus{{Channel: "docs"}, {Channel: "logs"}}}
	f.queue = sender.Queue{Transfers: []sender.Entry{}}
	f.start()
	t.Cleanup(func() {
		f.stop()
		os.RemoveAll(dir)
	})
	return f
}

func (f *fake) start() {
	f.t.Helper()
	var err error
	if f.listener, err = net.Listen("unix", f.path); err != nil {
		f.t.Fatal(err)
	}
	l := f.listener
	f.ended.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.ended.Go(func() { f.answer(conn) })
		}
	})
}

func (f *fake) stop() {
	_ = f.listener.Close() // was done before where the test took the daemon away
	f.ended.Wait()
}

func (f *fake) answer(conn net.Conn) {
	defer conn.Close()
	var req sender.Request
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &req) != nil {
		return
	}
	f.mu.Lock()
	f.asked = append(f.asked, req)
	deaf := f.deaf
	f.mu.Unlock()
	if deaf != nil && req.Op != sender.OpStatus {
		<-deaf
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var said any = struct {
		Error string `json:"error"`
	}{"no such transfer"}
	switch req.Op {
	case sender.OpStatus:
		said = f.status
	case sender.OpQueue:
		said = f.queue
	case sender.OpOutbox:
		all := sender.Outboxes{Outboxes: slices.DeleteFunc(slices.Clone(f.boxes.Outboxes), func(o sender.Outbox) bool { return req.Channel != "" && o.Channel != req.Channel })}
		said = all
	case sender.OpShow:
		if d, ok := f.shows[req.ID]; ok {
			said = d
		}
	}
	text, err := json.Marshal(said)
	if err != nil {
		f.t.Error(err)
	}
	_, _ = conn.Write(append(text, '\n')) // the console may have gone
}

// tell changes what the daemon says.
func (f *fake) tell(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// ops are the operations that were asked for.
func (f *fake) ops() (ops []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.asked {
		if !slices.Contains(ops, r.Op) {
			ops = append(ops, r.Op)
		}
	}
	slices.Sort(ops)
	return ops
}

// rig is a console before a fake daemon and a true audit log.
type rig struct {
	*fake
	c     *Console
	store *merkletest.Store
	log   *merkle.Writer
	mu    sync.Mutex
	now   time.Time // not zero: what the console takes the time for
}

func newRig(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{fake: newFake(t), store: merkletest.NewStore()}
	key := merkletest.Key(t, "example.org/pawl/low")
	var err error
	if r.log, _, err = merkle.NewWriter(r.store, key); err != nil {
		t.Fatal(err)
	}
	config := Config{Socket: r.path, Version: "test", Now: r.clock, Audit: func() (*merkle.View, error) { return merkle.OpenView(r.store.FS(), key.Public()) }}
	if change != nil {
		change(&config)
	}
	if r.c, err = New(config); err != nil {
		t.Fatal(err)
	}
	return r
}

// clock moves a minute on with each look at it, so that nothing that was kept is taken for an answer.
func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.IsZero() {
		r.now = time.Now()
	}
	r.now = r.now.Add(time.Minute)
	return r.now
}

// enter enters into the audit log.
func (r *rig) enter(bodies ...lowlog.Body) {
	r.t.Helper()
	for some := range slices.Chunk(bodies, 4096) {
		var all [][]byte
		for _, b := range some {
			data, err := lowlog.Append(nil, lowlog.New(time.Now(), b))
			if err != nil {
				r.t.Fatal(err)
			}
			all = append(all, data)
		}
		if _, err := r.log.Append(all...); err != nil {
			r.t.Fatal(err)
		}
	}
}

// sample asks the daemon once, as Run does each second.
func (r *rig) sample() { r.c.news(r.c.link.take(r.t.Context())) }

// recorder is an answer that takes deadlines, as a connection does.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }
func (recorder) SetReadDeadline(time.Time) error  { return nil }

func (r *rig) do(method, target string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, nil)
	req.Host = "localhost:8444"
	w := recorder{httptest.NewRecorder()}
	r.c.Handler().ServeHTTP(w, req)
	return w.ResponseRecorder
}

func (r *rig) get(target string) *httptest.ResponseRecorder { return r.do("GET", target) }

// page is the text of a page that must be there.
func (r *rig) page(target string) string {
	r.t.Helper()
	w := r.get(target)
	if w.Code != http.StatusOK {
		r.t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	return w.Body.String()
}

// read asks the API.
func (r *rig) read(target string, into any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.page(apiPrefix+target)), into); err != nil {
		r.t.Fatalf("%s: %v", target, err)
	}
}

// id is the n-th transfer of the first channel.
func id(n int) string { return fmt.Sprintf("1-%016x", 0x019a2b3c4d5e0000+n) }

// entryOf is a transfer in the queue.
func entryOf(n int, name string, state sender.State) sender.Entry {
	return sender.Entry{TransferStatus: sender.TransferStatus{ID: id(n), Channel: "docs", Name: name, State: state, Passes: 1, Total: 1000}, Class: sender.Normal,
		ETA: time.Now().Add(time.Duration(n) * time.Second)}
}

// serve serves the console, sampler and all, and gives its address.
func (r *rig) serve(at web.Address) string {
	r.t.Helper()
	s, err := web.Listen(at, r.c.Handler())
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.Run(ctx) }()
	go func() { ended <- r.c.Run(ctx) }()
	r.t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				r.t.Error(err)
			}
		}
	})
	return s.Address().String()
}

// has holds a page to texts.
func has(t *testing.T, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
