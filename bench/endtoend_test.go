package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
	"pawl/hw/link/linktest"
	"pawl/receiver"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/sender"
)

// path is the whole way from an outbox to an inbox over a link in memory: the real sender, receiver and gate.
type path struct {
	t      *testing.T
	dir    string
	link   *linktest.Link
	recv   *receiver.Receiver
	store  *quarantine.Store
	send   sender.Config
	key    *seal.SenderKey
	stops  []func()
	failed chan error
}

// pathConfig is what a case changes.
type pathConfig struct {
	link     linktest.Config
	forecast fec.Link
	passes   int
	links    int // 0: one
	survive  int // of them
	cut      int // datagrams after which the last link carries nothing; 0: never
	receipt  *seal.ReceiptKey
	idle     time.Duration // of the receiver
	carousel sender.Carousel
}

func newPath(t *testing.T, c pathConfig) *path {
	t.Helper()
	p := &path{t: t, dir: t.TempDir(), failed: make(chan error, 3)}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c.forecast.SymbolSize = 1408
	datagram := c.forecast.SymbolSize + framing.Overhead
	c.forecast.WireSize = link.WireSize(datagram, false)
	c.forecast.Rate = 1e9
	c.link.Seed, c.link.DatagramSize, c.link.Wait = seed, datagram, true
	var err error
	p.link, err = linktest.New(c.link)
	p.must(err)
	source := receiver.Socket(p.link.Reader())
	var more []sender.Path
	if c.links > 1 {
		source, more = p.widen(&c)
	}
	key, err := seal.GenerateSenderKey()
	p.must(err)
	to, err := seal.GenerateReceiverKey()
	p.must(err)
	p.must(os.Mkdir(p.inbox(), 0o755))
	p.store, err = quarantine.Open(filepath.Join(p.dir, "quarantine"))
	p.must(err)

	p.key = key
	p.send = sender.Config{
		State: filepath.Join(p.dir, "send"), Socket: filepath.Join(p.dir, "s"), Receipt: c.receipt, Seal: seal.ModeAESGCM, Key: key, Receiver: to.Public(), Link: p.link.Writer(),
		Pacer: link.NewTimePacer(1e9, 1<<20), Forecast: c.forecast, More: more,
		Channels: []sender.Channel{{ID: 1, Name: "one", Folder: filepath.Join(p.dir, "one"), Passes: c.passes, Quiet: 20 * time.Millisecond, Carousel: c.carousel}},
	}
	p.recv, err = receiver.New(receiver.Config{
		Store: p.store, StateDir: t.TempDir(), Mode: seal.ModeAESGCM, Key: to, Sender: key.Public(), DatagramSize: datagram,
		StatusEvery: 10 * time.Millisecond, Idle: c.idle, Channels: []receiver.Channel{{ID: 1, Name: "one"}},
	})
	p.must(err)
	gate := release.NewGate(p.store, key.Public(), []release.Channel{{ID: 1, Name: "one", Inbox: p.inbox(), Release: release.Auto}}, "test", zap.NewNop())
	p.run(func(ctx context.Context) error { return p.recv.Run(ctx, source) })
	p.run(func(ctx context.Context) error { return release.NewDaemon(gate, 20*time.Millisecond).Run(ctx, nil) })
	p.startSender()
	t.Cleanup(p.stop)
	return p
}

// startSender starts the first part of the path, which stopSender stops.
func (p *path) startSender() {
	p.t.Helper()
	s, err := sender.New(p.send)
	p.must(err)
	p.run(s.Run)
}

func (p *path) stopSender() {
	last := len(p.stops) - 1
	p.stops[last]()
	p.stops = p.stops[:last]
}

// widen makes further links, and one source of all.
func (p *path) widen(c *pathConfig) (receiver.Socket, []sender.Path) {
	sockets := []receiver.Socket{p.link.Reader()}
	c.forecast.Rates, c.forecast.Survive = []uint64{c.forecast.Rate}, c.survive
	var more []sender.Path
	for i := 1; i < c.links; i++ {
		cfg := c.link
		cfg.Seed += uint64(i)
		if i == c.links-1 && c.cut > 0 {
			cfg.Drop = func(index uint64, _ []byte) bool { return index >= uint64(c.cut) }
		}
		l, err := linktest.New(cfg)
		p.must(err)
		sockets = append(sockets, l.Reader())
		more = append(more, sender.Path{Link: l.Writer(), Pacer: link.NewTimePacer(c.forecast.Rates[0], 1<<20)})
		c.forecast.Rates = append(c.forecast.Rates, c.forecast.Rates[0])
	}
	c.forecast.Rate *= uint64(c.links)
	merged := receiver.Merge(sockets...)
	p.t.Cleanup(func() { p.must(merged.Close()) })
	return merged, more
}

func (p *path) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *path) inbox() string { return filepath.Join(p.dir, "inbox") }

// run starts a part of the path.
func (p *path) run(part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := part(ctx); err != nil {
			p.failed <- err
		}
	}()
	p.stops = append(p.stops, func() { cancel(); <-done })
}

// stop ends the path from its beginning, the sender first.
func (p *path) stop() {
	for len(p.stops) > 0 {
		last := len(p.stops) - 1
		p.stops[last]()
		p.stops = p.stops[:last]
	}
	select {
	case err := <-p.failed:
		p.t.Errorf("path: %v", err)
	default:
	}
}

// drop puts an entry into the outbox by a rename, as people should.
func (p *path) drop(from string) {
	p.t.Helper()
	p.must(os.Rename(from, filepath.Join(p.dir, "one", "outbox", filepath.Base(from))))
}

// wait returns once a name is in the inbox.
func (p *path) wait(name string) string {
	p.t.Helper()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	for {
		at := filepath.Join(p.inbox(), name)
		if _, err := os.Lstat(at); err == nil {
			return at
		} else if !errors.Is(err, fs.ErrNotExist) {
			p.t.Fatal(err)
		}
		select {
		case <-poll.C:
		case err := <-p.failed:
			p.t.Fatalf("path: %v", err)
		case <-limit.C:
			p.t.Fatalf("%s is not in the inbox; receiver %+v; link %+v", name, p.recv.Status(), p.link.Counts())
		}
	}
}

// TestPathOverBadLinks takes a file over links that lose, double, mix up and damage what crosses.
func TestPathOverBadLinks(t *testing.T) {
	for _, c := range []struct {
		name string
		pathConfig
	}{
		{"perfect", pathConfig{passes: 1}},
		{"random loss", pathConfig{link: linktest.Config{Loss: 0.01}, forecast: fec.Link{Loss: 0.01}, passes: 1}},
		{"bursts", pathConfig{
			link:     linktest.Config{Burst: linktest.Gilbert{ToBad: 0.0002, ToGood: 0.02}},
			forecast: fec.Link{Loss: 0.01, Burst: 5 * time.Millisecond}, passes: 1,
		}},
		{"mixed up", pathConfig{
			link:     linktest.Config{Duplicate: 0.02, Reorder: 0.05, Flip: 0.002, Truncate: 0.002, Loss: 0.002},
			forecast: fec.Link{Loss: 0.01}, passes: 1,
		}},
		{"two links, one cut", pathConfig{link: linktest.Config{Loss: 0.01}, forecast: fec.Link{Loss: 0.01}, passes: 1, links: 2, survive: 1, cut: 3000}},
		{"four links, one never there", pathConfig{link: linktest.Config{Loss: 0.01}, forecast: fec.Link{Loss: 0.01}, passes: 1, links: 4, survive: 1, cut: 1}},
		{"beyond the plan, two passes", pathConfig{link: linktest.Config{Loss: 0.12}, forecast: fec.Link{Loss: 0.01}, passes: 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPath(t, c.pathConfig)
			content := make([]byte, 12<<20+123)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range content {
				content[i] = byte(rng.Uint32())
			}
			source := filepath.Join(p.dir, "file")
			p.must(os.WriteFile(source, content, 0o640))
			p.drop(source)
			got, err := os.ReadFile(p.wait("file"))
			p.must(err)
			if !bytes.Equal(got, content) {
				t.Fatal("what was released is not what was dropped")
			}
			p.stop()
			s := p.recv.Status()
			if !s.Ledger.Balanced() {
				t.Fatalf("ledger does not balance: %+v", s.Ledger)
			}
			if counts := p.link.Counts(); c.link.Loss > 0 && s.PacketsLost == 0 {
				t.Fatalf("the link lost packets and the receiver did not notice: %+v", counts)
			}
		})
	}
}

// TestPathManyTransfers sends many small transfers one after another: each is a transfer of its own.
func TestPathManyTransfers(t *testing.T) {
	p := newPath(t, pathConfig{link: linktest.Config{Loss: 0.01}, forecast: fec.Link{Loss: 0.01}, passes: 1})
	const files = 200
	for i := range files {
		from := filepath.Join(p.dir, fmt.Sprintf("file-%03d", i))
		p.must(os.WriteFile(from, bytes.Repeat([]byte{byte(i)}, i*37), 0o600))
		p.drop(from)
	}
	for i := range files {
		got, err := os.ReadFile(p.wait(fmt.Sprintf("file-%03d", i)))
		p.must(err)
		if !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, i*37)) {
			t.Fatalf("file %d differs", i)
		}
	}
}
