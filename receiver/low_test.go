package receiver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// symbolSize is the T of the tests: the smallest, so that small transfers have many packets.
const symbolSize = framing.MinSymbolSize

// low is a naive low side: it makes every packet of a transfer at once, in memory.
type low struct {
	t       testing.TB
	key     *seal.SenderKey
	sealer  *seal.Sealer
	packet  uint64
	mode    seal.Mode
	to      *seal.ReceiverKey
	session uint64
}

func newLow(t testing.TB, mode seal.Mode) *low {
	key, err := seal.GenerateSenderKey()
	must(t, err)
	to, err := seal.GenerateReceiverKey()
	must(t, err)
	l := &low{t: t, key: key, to: to, mode: mode, session: 1000}
	l.rotate()
	return l
}

// rotate begins the next session.
func (l *low) rotate() {
	var err error
	l.session++
	l.packet = 0
	l.sealer, err = seal.NewSealer(l.mode, l.key, l.to.Public(), l.session, 0)
	must(l.t, err)
}

// announce returns a session packet.
func (l *low) announce() []byte {
	d := make([]byte, symbolSize+framing.Overhead)
	l.sealer.Announce(d, l.next(), 0)
	return d
}

func (l *low) next() uint64 { l.packet++; return l.packet - 1 }

// beat returns a beat that tells of the given flights.
func (l *low) beat(flights ...framing.Flight) []byte {
	payload, err := framing.AppendBeat(nil, &framing.Beat{Version: "test", Flights: flights}, symbolSize)
	must(l.t, err)
	d := make([]byte, symbolSize+framing.Overhead)
	l.sealer.Seal(d, payload, &framing.Header{Type: framing.TypeBeat, Session: l.session, Packet: l.next()})
	return d
}

// symbol is one encoding symbol before it is sealed.
type symbol struct {
	header  framing.Header
	payload []byte
}

// encode cuts an object into symbols.
func (l *low) encode(id quarantine.ID, kind framing.Object, data []byte, code fec.Code, k, r int) []symbol {
	part, err := fec.NewPartition(uint64(len(data)), symbolSize, k)
	must(l.t, err)
	var codecs fec.Codecs
	var out []symbol
	for number := range part.Blocks() {
		k := part.K(number)
		symbols := make([][]byte, k+r)
		for i := range symbols {
			symbols[i] = make([]byte, symbolSize)
			if at := int(part.Offset(number)) + i*symbolSize; i < k {
				copy(symbols[i], data[at:])
			}
		}
		codec, err := codecs.Get(code, k, r)
		must(l.t, err)
		must(l.t, codec.Encode(symbols))
		for esi, s := range symbols {
			out = append(out, symbol{framing.Header{
				Type: framing.TypeSymbol, Channel: id.Channel, Object: kind, Code: uint8(code), Session: l.session, Transfer: id.Transfer,
				Length: uint64(len(data)), Block: number, MaxK: uint16(part.MaxK()), R: uint16(r), ESI: uint16(esi),
			}, s})
		}
	}
	return out
}

// seal makes datagrams of symbols, with the next packet numbers of the current session.
func (l *low) seal(symbols []symbol) [][]byte {
	out := make([][]byte, len(symbols))
	for i, s := range symbols {
		out[i] = make([]byte, symbolSize+framing.Overhead)
		s.header.Packet, s.header.Session = l.next(), l.session
		l.sealer.Seal(out[i], s.payload, &s.header)
	}
	return out
}

// transfer returns all symbols of a transfer of one file, plan first and proof last.
func (l *low) transfer(id quarantine.ID, content []byte, code fec.Code, k, r int) []symbol {
	plan, err := framing.AppendPlanHead(nil, &framing.PlanHead{Channel: id.Channel, Transfer: id.Transfer, Name: "f", Entries: 1, Content: uint64(len(content))})
	must(l.t, err)
	plan, err = framing.AppendEntry(plan, &framing.Entry{Path: "f", Size: uint64(len(content))})
	must(l.t, err)
	head := framing.ProofHead{
		Channel: id.Channel, Transfer: id.Transfer, PlanSize: uint64(len(plan)), PlanDigest: sha256.Sum256(plan), Content: uint64(len(content)), Files: 1,
	}
	symbols := l.encode(id, framing.ObjectPlan, plan, fec.Classic, 1, 3)
	if len(content) > 0 {
		symbols = append(symbols, l.encode(id, framing.ObjectContent, content, code, k, r)...)
	}
	return append(symbols, l.encode(id, framing.ObjectProof, l.proof(head, sha256.Sum256(content)), fec.Classic, 1, 3)...)
}

// proof returns a signed proof.
func (l *low) proof(head framing.ProofHead, digests ...[32]byte) []byte {
	body, err := framing.AppendProofHead(nil, &head)
	must(l.t, err)
	for _, d := range digests {
		body = framing.AppendDigest(body, d)
	}
	return framing.AppendSignature(body, l.key.SignProof(sha256.Sum256(body)))
}

// wire is a Source that a test feeds. Read hands out one batch at a time; idle says that all that was sent was taken.
type wire struct {
	mu       sync.Mutex
	cond     *sync.Cond
	queue    [][]byte
	reading  bool
	deadline *time.Timer
	expired  bool
	total    uint64 // datagrams sent
}

func newWire() *wire {
	w := &wire{}
	w.cond = sync.NewCond(&w.mu)
	return w
}

func (w *wire) Read() ([][]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = true
	w.cond.Broadcast()
	for len(w.queue) == 0 {
		if w.expired {
			return nil, os.ErrDeadlineExceeded
		}
		w.cond.Wait()
	}
	w.reading = false
	n := min(len(w.queue), 64)
	batch := w.queue[:n:n]
	w.queue = w.queue[n:]
	return batch, nil
}

func (w *wire) SetDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deadline != nil {
		w.deadline.Stop()
	}
	w.expired = false
	w.deadline = time.AfterFunc(time.Until(t), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.expired = true
		w.cond.Broadcast()
	})
	return nil
}

// send queues datagrams, copying them, and waits until the receiver has taken all of them.
func (w *wire) send(datagrams ...[]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range datagrams {
		w.queue = append(w.queue, bytes.Clone(d))
		w.total++
	}
	w.reading = false
	w.cond.Broadcast()
	for len(w.queue) > 0 || !w.reading {
		w.cond.Wait()
	}
}

// high is a receiver under test with its quarantine.
type high struct {
	t      testing.TB
	dir    string
	cfg    Config
	store  *quarantine.Store
	wire   *wire
	r      *Receiver
	cancel context.CancelFunc
	done   chan error
}

func newHigh(t testing.TB, l *low, change func(*Config)) *high {
	h := &high{t: t, dir: t.TempDir()}
	h.cfg = Config{
		StateDir: h.dir, Mode: l.mode, Key: l.to, Sender: l.key.Public(), DatagramSize: symbolSize + framing.Overhead,
		Channels: []Channel{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}}, StatusEvery: time.Millisecond,
	}
	if change != nil {
		change(&h.cfg)
	}
	h.start()
	t.Cleanup(h.stop)
	return h
}

// start runs a receiver on the quarantine that is there.
func (h *high) start() {
	var err error
	h.store, err = quarantine.Open(filepath.Join(h.dir, "quarantine"))
	must(h.t, err)
	h.cfg.Store = h.store
	h.r, err = New(h.cfg)
	must(h.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel, h.wire, h.done = cancel, newWire(), make(chan error, 1)
	go func() { h.done <- h.r.Run(ctx, h.wire) }()
}

// stop ends the receiver as SIGTERM does.
func (h *high) stop() {
	if h.cancel == nil {
		return
	}
	h.cancel()
	h.cancel = nil
	if err := <-h.done; err != nil && !errors.Is(err, net.ErrClosed) {
		h.t.Errorf("receiver: %v", err)
	}
}

// waitState returns once a transfer is in a state. It polls the folder, which is what people watch, too.
func (h *high) waitState(id quarantine.ID, want quarantine.State) string {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		if st, err := h.store.Find(id); err == nil && st == want {
			return h.store.Dir(st, id)
		}
		select {
		case <-poll.C:
		case err := <-h.done:
			h.t.Fatalf("receiver stopped: %v", err)
		case <-ctx.Done():
			st, err := h.store.Find(id)
			h.t.Fatalf("transfer %s is %q (%v), not %q; status %+v", id, st, err, want, h.r.Status())
		}
	}
}

// wantContent holds the content in quarantine to what was sent.
func (h *high) wantContent(dir string, content []byte) {
	h.t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, quarantine.ContentFile))
	if len(content) == 0 {
		if !errors.Is(err, os.ErrNotExist) {
			h.t.Fatalf("an empty content left a file: %v", err)
		}
		return
	}
	must(h.t, err)
	if !bytes.Equal(got, content) {
		h.t.Fatalf("content differs: %d octets, want %d", len(got), len(content))
	}
}

// settled stops the receiver and returns its last status, which must balance.
func (h *high) settled() Status {
	h.t.Helper()
	h.stop()
	s := h.r.Status()
	if !s.Ledger.Balanced() {
		h.t.Fatalf("ledger does not balance: %+v", s.Ledger)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sum is the tag of seal none.
func sum(d []byte) uint64 { return xxhash.Sum64(d) }

// random returns octets and the generator of a test, whose seed is printed.
func random(t testing.TB, n int) ([]byte, *rand.Rand) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	return data, rng
}

// lose drops each packet with probability p.
func lose(rng *rand.Rand, p float64, datagrams [][]byte) [][]byte {
	var kept [][]byte
	for _, d := range datagrams {
		if rng.Float64() >= p {
			kept = append(kept, d)
		}
	}
	return kept
}
