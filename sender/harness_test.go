package sender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
)

func TestMain(m *testing.M) {
	if n, err := strconv.Atoi(os.Getenv(crashEnv)); err == nil {
		os.Exit(crashChild(n, os.Args[len(os.Args)-crashArgs:]))
	}
	goleak.VerifyTestMain(m)
}

const testT = 1408

// keys are made once: an identity costs more than most tests.
var keys = sync.OnceValue(func() (k struct {
	sender   *seal.SenderKey
	receiver *seal.ReceiverKey
}) {
	var err1, err2 error
	k.sender, err1 = seal.GenerateSenderKey()
	k.receiver, err2 = seal.GenerateReceiverKey()
	if err := errors.Join(err1, err2); err != nil {
		panic(err)
	}
	return k
})

// wirePacket is one opened packet and when it was written.
type wirePacket struct {
	at      time.Time
	h       framing.Header
	payload []byte
}

// catcher is a Link that opens every packet at once and holds the sender to the packet
// numbers: from 0, without gaps, each session announced before its first other packet.
type catcher struct {
	t       *testing.T
	mode    seal.Mode
	mu      sync.Mutex
	openers map[uint64]*seal.Opener
	next    map[uint64]uint64
	packets []wirePacket
	gaps    bool                       // packet numbers may be left out: the link was given up
	refuse  func() error               // asked before each write
	seen    func(framing.Header) error // told of each symbol; may change the world
}

func newCatcher(t *testing.T) *catcher {
	return &catcher{t: t, mode: seal.ModeAESGCM, openers: map[uint64]*seal.Opener{}, next: map[uint64]uint64{}}
}

func (c *catcher) Write(batch []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		if err := c.refuse(); err != nil {
			return 0, err
		}
	}
	const size = testT + framing.Overhead
	if len(batch)%size != 0 || len(batch) > 65507 {
		return 0, fmt.Errorf("batch of %d octets", len(batch))
	}
	for at := 0; at < len(batch); at += size {
		if err := c.open(batch[at : at+size]); err != nil {
			c.t.Errorf("packet %d: %v", len(c.packets), err)
			return 0, err
		}
	}
	return len(batch) / size, nil
}

func (c *catcher) open(datagram []byte) error {
	p := wirePacket{at: time.Now(), payload: make([]byte, testT)}
	if err := framing.ParseHeader(datagram, &p.h); err != nil {
		return err
	}
	if p.h.Packet != c.next[p.h.Session] && (!c.gaps || p.h.Packet < c.next[p.h.Session]) {
		return fmt.Errorf("packet number %d of session %d, want %d", p.h.Packet, p.h.Session, c.next[p.h.Session])
	}
	c.next[p.h.Session] = p.h.Packet + 1
	opener := c.openers[p.h.Session]
	switch {
	case p.h.Type == framing.TypeSession && opener == nil:
		o, err := seal.Accept(datagram, &p.h, c.mode, keys().receiver, keys().sender.Public())
		if err != nil {
			return err
		}
		c.openers[p.h.Session] = o
	case p.h.Type == framing.TypeSession:
		if err := opener.Confirm(datagram, &p.h); err != nil {
			return err
		}
	case opener == nil:
		return fmt.Errorf("session %d was not announced", p.h.Session)
	default:
		if err := opener.Open(p.payload, datagram, &p.h); err != nil {
			return err
		}
	}
	c.packets = append(c.packets, p)
	if p.h.Type == framing.TypeSymbol && c.seen != nil {
		return c.seen(p.h)
	}
	return nil
}

func (c *catcher) all() []wirePacket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]wirePacket(nil), c.packets...)
}

func symbols(all []wirePacket) (out []wirePacket) {
	for _, p := range all {
		if p.h.Type == framing.TypeSymbol {
			out = append(out, p)
		}
	}
	return out
}

// transferOf are the symbols of one transfer.
func transferOf(all []wirePacket, id uint64) (out []wirePacket) {
	for _, p := range symbols(all) {
		if p.h.Transfer == id {
			out = append(out, p)
		}
	}
	return out
}

func must[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// daemon is a Sender under test with its folders and its catcher.
type daemon struct {
	*Sender
	t      *testing.T
	dir    string
	link   *catcher
	cancel context.CancelFunc
	ended  chan error
}

// testConfig is a link of 100 Mbit/s with 1 % loss and bursts of 2 ms, one channel, all
// folders below dir.
func testConfig(dir string, c *catcher) Config {
	f := fec.Link{
		Loss: 0.01, Burst: 2 * time.Millisecond, BurstEvery: time.Second, Rate: 100e6,
		SymbolSize: testT, WireSize: link.WireSize(testT+framing.Overhead, false),
	}
	return Config{
		State: filepath.Join(dir, "state"), Version: "test",
		Seal: seal.ModeAESGCM, Key: keys().sender, Receiver: keys().receiver.Public(),
		Link: c, Pacer: link.NewTimePacer(f.Rate, 0), Forecast: f,
		Channels: []Channel{{ID: 7, Name: "docs", Folder: filepath.Join(dir, "docs")}},
	}
}

// start runs a sender until the test or stop ends it.
func start(t *testing.T, cfg Config) *daemon {
	t.Helper()
	return launch(t, must(New(cfg))(t), cfg)
}

func launch(t *testing.T, s *Sender, cfg Config) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &daemon{Sender: s, t: t, link: cfg.Link.(*catcher), cancel: cancel, ended: make(chan error, 1)}
	d.dir = cfg.Channels[0].Folder
	go func() { d.ended <- s.Run(ctx) }()
	return d
}

func (d *daemon) stop() {
	d.t.Helper()
	d.cancel()
	if err := <-d.ended; err != nil {
		d.t.Errorf("run: %v", err)
	}
}

// until waits, in the time of the bubble, for a condition.
func (d *daemon) until(what string, ok func() bool) {
	d.t.Helper()
	for range 100_000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatalf("waited in vain for %s: %+v", what, d.Status())
}

// done waits until n transfers are in a folder and returns their numbers, the oldest first.
func (d *daemon) done(folder string, n int) (ids []uint64) {
	d.t.Helper()
	d.until(fmt.Sprintf("%d in %s", n, folder), func() bool {
		entries, err := os.ReadDir(filepath.Join(d.dir, folder))
		return err == nil && len(entries) >= n
	})
	d.until("empty queue", func() bool { return d.Status().Queue == 0 })
	entries, err := os.ReadDir(filepath.Join(d.dir, folder))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		rec, err := loadRecord(filepath.Join(d.dir, folder, e.Name()))
		if err != nil {
			d.t.Fatal(err)
		}
		ids = append(ids, rec.Transfer)
	}
	return ids
}

// plant writes a tree: names that end in a slash are folders.
func plant(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	for name, text := range tree {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
