package receiver

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

func TestTransferCrosses(t *testing.T) {
	for _, c := range []struct {
		name string
		mode seal.Mode
		size int
		code fec.Code
		k, r int
		loss float64
		mix  bool // shuffled, and each fifth packet twice
	}{
		{"no loss", seal.ModeAESGCM, 1 << 20, fec.Leopard8, 64, 16, 0, false},
		{"seal none", seal.ModeNone, 1 << 20, fec.Leopard8, 64, 16, 0, false},
		{"loss", seal.ModeAESGCM, 1 << 20, fec.Leopard8, 64, 32, 0.10, false},
		{"loss, classic", seal.ModeAESGCM, 1 << 20, fec.Classic, 32, 16, 0.08, false},
		{"shuffled and doubled", seal.ModeAESGCM, 1 << 20, fec.Leopard8, 64, 32, 0.08, true},
		{"one octet", seal.ModeAESGCM, 1, fec.Leopard8, 64, 16, 0, false},
		{"symbol and one", seal.ModeAESGCM, symbolSize + 1, fec.None, 64, 0, 0, false},
		{"empty", seal.ModeAESGCM, 0, fec.None, 1, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			content, rng := random(t, c.size)
			l := newLow(t, c.mode)
			h := newHigh(t, l, nil)
			id := quarantine.ID{Channel: 1, Transfer: 0x1234}
			symbols := l.transfer(id, content, c.code, c.k, c.r)
			if c.mix {
				rng.Shuffle(len(symbols), func(i, j int) { symbols[i], symbols[j] = symbols[j], symbols[i] })
			}
			h.wire.send(l.announce(), l.beat())
			packets := l.seal(symbols)
			sent := len(packets)
			plan := 4 // the plan's and the proof's packets are spared: here they have no second chance
			kept := append(append(packets[:plan:plan], lose(rng, c.loss, packets[plan:sent-plan])...), packets[sent-plan:]...)
			if c.mix {
				for i := 0; i < sent; i += 5 {
					kept = append(kept, packets[i])
				}
				kept = append(kept, packets...) // shuffled, plan and proof may have been among the lost
			}
			h.wire.send(kept...)
			h.wantContent(h.waitState(id, quarantine.Complete), content)
			s := h.settled()
			if len(s.Ledger.Rejected) != 0 || s.Completed != 1 {
				t.Fatalf("rejected %v, completed %d", s.Ledger.Rejected, s.Completed)
			}
			if c.loss == 0 && !c.mix && (s.PacketsLost != 0 || s.Ledger.Received.Packets != uint64(sent)+2 || s.Rebuilt != 0) {
				t.Fatalf("without loss: lost %d, received %d, rebuilt %d", s.PacketsLost, s.Ledger.Received.Packets, s.Rebuilt)
			}
			if want := uint64(sent - len(kept)); c.loss > 0 && !c.mix && s.PacketsLost != want {
				t.Fatalf("lost %d, want %d", s.PacketsLost, want)
			}
		})
	}
}

// TestPassesAddUp sends two passes that each lose more than the code can mend, to a receiver with too little memory to keep
// the short blocks, stops it in between and announces a new session: the symbols of both passes add up on the disk.
func TestPassesAddUp(t *testing.T) {
	content, rng := random(t, 40<<20)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, func(c *Config) { c.Memory = 16 << 20 })
	id := quarantine.ID{Channel: 2, Transfer: 7}
	symbols := l.transfer(id, content, fec.Leopard8, 128, 64)
	// One pass loses 45 % of every block, of which its repair symbols can mend a third.
	h.wire.send(l.announce())
	h.wire.send(lose(rng, 0.45, l.seal(symbols))...)
	s := h.settled()
	if s.Parked == 0 || s.Completed != 0 {
		t.Fatalf("parked %d, completed %d: the test does not test what it should", s.Parked, s.Completed)
	}
	h.start()
	l.rotate()
	h.wire.send(l.announce())
	h.wire.send(l.seal(symbols[:4])...)
	h.wire.send(lose(rng, 0.45, l.seal(symbols[4:len(symbols)-4]))...)
	h.wire.send(l.seal(symbols[len(symbols)-4:])...)
	h.wantContent(h.waitState(id, quarantine.Complete), content)
	if s := h.settled(); s.Rebuilt == 0 || s.Forgotten != 0 {
		t.Fatalf("rebuilt %d, forgotten %d", s.Rebuilt, s.Forgotten)
	}
}

// TestDamagedParkingIsForgotten: what the disk changed of a parked block is not believed, and is counted.
func TestDamagedParkingIsForgotten(t *testing.T) {
	content, _ := random(t, 64*symbolSize)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	id := quarantine.ID{Channel: 1, Transfer: 8}
	symbols := l.transfer(id, content, fec.Leopard8, 64, 8)
	const first = 4 + 10 // the plan's symbols, and ten of the content's
	h.wire.send(l.announce())
	h.wire.send(l.seal(symbols[:first])...)
	h.settled() // parks the one block
	path := filepath.Join(h.store.Dir(quarantine.Incoming, id), quarantine.ContentFile)
	data, err := os.ReadFile(path)
	must(t, err)
	data[symbolSize] ^= 1
	must(t, os.WriteFile(path, data, 0o600))
	h.start()
	h.wire.send(l.announce())
	h.wire.send(l.seal(symbols)...)
	h.wantContent(h.waitState(id, quarantine.Complete), content)
	if s := h.settled(); s.Forgotten != 10 {
		t.Fatalf("%d symbols were forgotten, want 10", s.Forgotten)
	}
}

// TestMissingBlocksAreNamed holds missing.json to a model that counts what was sent, and then completes the transfer.
func TestMissingBlocksAreNamed(t *testing.T) {
	const k, r = 32, 8
	content, rng := random(t, 100*k*symbolSize)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	id := quarantine.ID{Channel: 1, Transfer: 99}
	symbols := l.transfer(id, content, fec.Leopard8, k, r)
	have := map[uint32]int{}
	var kept []symbol
	for _, s := range symbols {
		lost := s.header.Object == framing.ObjectContent && (s.header.Block%10 == 3 || rng.Float64() < 0.2)
		if !lost {
			kept = append(kept, s)
			if s.header.Object == framing.ObjectContent {
				have[s.header.Block]++
			}
		}
	}
	h.wire.send(l.announce())
	h.wire.send(l.seal(kept)...)
	flight := framing.Flight{Channel: 1, Transfer: 99, State: framing.FlightFinished, Pass: 1, Passes: 1, Length: uint64(len(content))}
	h.wire.send(l.beat(flight))
	dir := h.waitState(id, quarantine.Incomplete)
	missing, err := quarantine.ReadMissing(dir)
	must(t, err)
	if len(missing.Objects) != 1 || missing.Objects[0].Object != "content" || missing.Objects[0].Blocks != 100 {
		t.Fatalf("missing %+v", missing)
	}
	short := map[uint32]int{}
	for _, run := range missing.Objects[0].Runs {
		for b := run.First; b <= run.Last; b++ {
			short[b] = int(run.Short)
		}
	}
	for b := range uint32(100) {
		if want := max(k-have[b], 0); short[b] != want {
			t.Fatalf("block %d is said to lack %d symbols, it lacks %d", b, short[b], want)
		}
	}
	h.wire.send(l.seal(symbols)...)
	dir = h.waitState(id, quarantine.Complete)
	h.wantContent(dir, content)
	if _, err := quarantine.ReadMissing(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a complete transfer still says what is missing: %v", err)
	}
	h.settled()
}

// TestKilledReceiverGoesOn takes a copy of the disk in the middle of a transfer, which is what kill -9 leaves, and goes on
// from the copy with the packets that came later and a second pass of what was in memory.
func TestKilledReceiverGoesOn(t *testing.T) {
	content, _ := random(t, 8<<20)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	id := quarantine.ID{Channel: 1, Transfer: 5}
	packets := l.seal(l.transfer(id, content, fec.Leopard8, 64, 8))
	half := len(packets) / 2
	h.wire.send(l.announce())
	h.wire.send(packets[:half]...)
	after := &high{t: t, dir: t.TempDir(), cfg: h.cfg}
	after.cfg.StateDir = after.dir
	must(t, os.CopyFS(after.dir, os.DirFS(h.dir)))
	h.stop()
	after.start()
	t.Cleanup(after.stop)
	after.wire.send(packets[half]) // a packet of a session that this run has not heard announced
	after.wire.send(l.announce())  // the same session goes on: its number is not a recording
	after.wire.send(packets[half:]...)
	after.wire.send(packets...)
	after.wantContent(after.waitState(id, quarantine.Complete), content)
	s := after.settled()
	if s.Ledger.Rejected["session"].Packets != 1 || len(s.Ledger.Rejected) != 1 {
		t.Fatalf("rejected %v", s.Ledger.Rejected)
	}
	if s.WrittenBytes >= uint64(len(content)) {
		t.Fatalf("%d octets were written again of %d: what was on the disk was not kept", s.WrittenBytes, len(content))
	}
}

// TestRecordingIsRefused replays a whole old session to a receiver that has heard two newer ones.
func TestRecordingIsRefused(t *testing.T) {
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	old := [][]byte{l.announce(), l.beat()}
	h.wire.send(old...)
	for range 2 {
		l.rotate()
		h.wire.send(l.announce())
	}
	h.stop()
	h.start() // also after a restart
	h.wire.send(old...)
	s := h.settled()
	if s.Ledger.Rejected["replay"].Packets != 1 || s.Ledger.Rejected["session"].Packets != 1 || s.Ledger.Received.Packets != 2 {
		t.Fatalf("%+v", s.Ledger)
	}
}

// TestHostilePackets throws random, bit-flipped and lying packets at a receiver while a transfer runs: each is in a reject
// column, memory stays within its budget, and the transfer completes.
func TestHostilePackets(t *testing.T) {
	content, rng := random(t, 4<<20)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, func(c *Config) { c.Memory = 16 << 20 })
	id := quarantine.ID{Channel: 1, Transfer: 42}
	packets := l.seal(l.transfer(id, content, fec.Leopard8, 64, 8))
	h.wire.send(l.announce())
	hostile := 0
	for i := 0; i < len(packets); i += 16 {
		h.wire.send(packets[i:min(i+16, len(packets))]...)
		bad := [][]byte{noise(rng), flip(rng, packets[rng.IntN(len(packets))]), flip(rng, packets[i])}
		h.wire.send(bad...)
		hostile += len(bad)
	}
	h.wantContent(h.waitState(id, quarantine.Complete), content)
	s := h.settled()
	rejected := uint64(0)
	for _, c := range s.Ledger.Rejected {
		rejected += c.Packets
	}
	if rejected != uint64(hostile) || s.PacketsLost != 0 {
		t.Fatalf("%d of %d hostile packets are in a reject column, %d lost: %v", rejected, hostile, s.PacketsLost, s.Ledger.Rejected)
	}
}

// noise returns a datagram of random octets, sometimes of another length, sometimes with a header's beginning.
func noise(rng *rand.Rand) []byte {
	n := symbolSize + framing.Overhead
	if rng.IntN(4) == 0 {
		n = rng.IntN(2 * n)
	}
	d := make([]byte, n)
	for i := range d {
		d[i] = byte(rng.Uint32())
	}
	if rng.IntN(2) == 0 {
		copy(d, []byte{'P', 'W', 1, byte(1 + rng.IntN(3))})
	}
	return d
}

// flip returns a packet with one bit changed.
func flip(rng *rand.Rand, packet []byte) []byte {
	d := append([]byte(nil), packet...)
	d[rng.IntN(len(d))] ^= 1 << rng.IntN(8)
	return d
}

// TestAuthenticLies sends what only an owned sender can: sealed packets that contradict each other or ask for too much.
func TestAuthenticLies(t *testing.T) {
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, func(c *Config) {
		c.Memory = 16 << 20
		c.Channels = []Channel{{ID: 1, Name: "one", Quota: 1 << 20, MaxTransfer: 1 << 19, MaxTransfers: 3}}
	})
	good := framing.Header{
		Type: framing.TypeSymbol, Channel: 1, Object: framing.ObjectContent, Code: uint8(fec.Leopard8), Transfer: 1, Length: 1 << 18, MaxK: 64, R: 8,
	}
	send := func(change func(h *framing.Header)) {
		header := good
		change(&header)
		h.wire.send(l.seal([]symbol{{header, make([]byte, symbolSize)}})...)
	}
	h.wire.send(l.announce())
	send(func(*framing.Header) {})
	for name, c := range map[string]struct {
		change func(h *framing.Header)
		column string
	}{
		"channel":          {func(h *framing.Header) { h.Channel = 9 }, "channel"},
		"another length":   {func(h *framing.Header) { h.Length++ }, "geometry"},
		"another R":        {func(h *framing.Header) { h.R = 16 }, "geometry"},
		"another code":     {func(h *framing.Header) { h.Code = uint8(fec.Leopard16) }, "geometry"},
		"no such block":    {func(h *framing.Header) { h.Block = 1 << 20 }, "geometry"},
		"no such symbol":   {func(h *framing.Header) { h.ESI = 71; h.Block = 3 }, "geometry"},
		"impossible code":  {func(h *framing.Header) { h.Object = framing.ObjectPlan; h.MaxK = 60000; h.Length = 1 << 19 }, "geometry"},
		"too many blocks":  {func(h *framing.Header) { h.Object = framing.ObjectPlan; h.MaxK = 1; h.Length = 1 << 47; h.R = 1 }, "geometry"},
		"huge":             {func(h *framing.Header) { h.Transfer = 2; h.Length = 1 << 38 }, "quota"},
		"above the limit":  {func(h *framing.Header) { h.Transfer = 2; h.Length = 1<<19 + 1 }, "quota"},
		"plan for a quota": {func(h *framing.Header) { h.Object = framing.ObjectPlan; h.Length = 1 << 20 }, "quota"},
	} {
		before := h.column(c.column)
		send(c.change)
		if got := h.column(c.column) - before; got != 1 {
			t.Errorf("%s: %d packets more in column %s", name, got, c.column)
		}
	}
	for transfer := range uint64(5) { // 1 and 2 are open: one more is, the others are not
		send(func(h *framing.Header) { h.Transfer = 10 + transfer; h.Length = 1000 })
	}
	s := h.settled()
	if s.Arriving > 3 {
		t.Fatalf("%d transfers are arriving, 3 are allowed", s.Arriving)
	}
}

// column reads a column of the ledger once the receiver has published it.
func (h *high) column(name string) uint64 {
	h.t.Helper()
	for {
		if s := h.r.Status(); s.Ledger.Received.Packets == h.sent() {
			return s.Ledger.Rejected[name].Packets
		}
		h.wire.send() // waits for the reader to come back, which ticks and publishes
	}
}

func (h *high) sent() uint64 {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	return h.wire.total
}

// TestAbortedTransfer: the sender gives up in the middle; its proof says why and all else is dropped.
func TestAbortedTransfer(t *testing.T) {
	content, _ := random(t, 1<<20)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	id := quarantine.ID{Channel: 1, Transfer: 11}
	symbols := l.transfer(id, content, fec.Leopard8, 64, 8)
	h.wire.send(l.announce())
	h.wire.send(l.seal(symbols[:len(symbols)/2])...)
	h.wire.send(l.seal(symbols[len(symbols)-4:])...) // the whole proof of a pass that lost too much
	proof := l.proof(framing.ProofHead{Channel: 1, Transfer: 11, Aborted: true, PlanSize: 1, Content: uint64(len(content)), Path: "f", Reason: "changed while it was read"})
	h.wire.send(l.seal(l.encode(id, framing.ObjectProof, proof, fec.Classic, 1, 3))...)
	dir := h.waitState(id, quarantine.Complete)
	h.wantContent(dir, nil)
	if _, err := os.Stat(filepath.Join(dir, quarantine.ProofFile)); err != nil {
		t.Fatal(err)
	}
	h.settled()
}

// TestDiskTroubleHeals: a disk that refuses a block makes the receiver keep it and try again until it is taken.
func TestDiskTroubleHeals(t *testing.T) {
	content, _ := random(t, 1<<20)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	id := quarantine.ID{Channel: 1, Transfer: 3}
	symbols := l.transfer(id, content, fec.Leopard8, 64, 8)
	h.wire.send(l.announce())
	h.wire.send(l.seal(symbols[:1])...)
	obstacle := filepath.Join(h.store.Dir(quarantine.Incoming, id), quarantine.ContentFile)
	must(t, os.Mkdir(obstacle, 0o700)) // opening it as a file fails, for root too
	h.wire.send(l.seal(symbols[1:])...)
	h.waitTrouble(true)
	must(t, os.Remove(obstacle))
	h.wantContent(h.waitState(id, quarantine.Complete), content)
	h.waitTrouble(false)
	if s := h.settled(); s.Forgotten != 0 {
		t.Fatalf("%d symbols were forgotten", s.Forgotten)
	}
}

// waitTrouble returns once the status tells that the disk refuses data, or that it takes them again.
func (h *high) waitTrouble(want bool) {
	h.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); h.r.Status().DiskTrouble != want; h.wire.send() {
		if time.Now().After(deadline) {
			h.t.Fatalf("disk trouble is not told to be %v", want)
		}
	}
}

func TestGapsAgainstModel(t *testing.T) {
	_, rng := random(t, 0)
	for range 50 {
		var g gaps
		heard := map[uint64]bool{}
		at, first, highest := uint64(rng.IntN(1000)), uint64(0), uint64(0)
		for i := range 5000 {
			packet := at + uint64(rng.IntN(30))
			if i == 0 || packet < first && i == 0 {
				first = packet
			}
			if packet >= first {
				heard[packet] = true
			}
			highest = max(highest, packet)
			g.note(packet)
			at += uint64(rng.IntN(3))
		}
		if want := highest - first + 1 - uint64(len(heard)); g.lost() != want {
			t.Fatalf("lost %d, want %d", g.lost(), want)
		}
	}
	var g gaps
	g.note(0)
	g.note(1 << 40) // a jump costs no time and no memory
	if g.lost() != 1<<40-1 {
		t.Fatalf("lost %d after a jump", g.lost())
	}
}

func FuzzTake(f *testing.F) {
	l := newLow(f, seal.ModeNone)
	content := make([]byte, 3*symbolSize)
	for _, d := range append([][]byte{l.announce(), l.beat()}, l.seal(l.transfer(quarantine.ID{Channel: 1, Transfer: 8}, content, fec.Classic, 2, 1))...) {
		f.Add(d)
	}
	h := newHigh(f, l, func(c *Config) { c.Memory = 16 << 20; c.Channels[0].Quota = 1 << 22 })
	h.wire.send(l.announce())
	f.Fuzz(func(t *testing.T, d []byte) {
		if len(d) >= framing.Overhead { // so that the fuzzer gets past the sum
			d = append([]byte(nil), d...)
			fixSum(d)
		}
		h.wire.send(d)
		if s := h.r.Status(); s.Memory > 16<<20 {
			t.Fatalf("%d octets of block buffers", s.Memory)
		}
	})
}

// fixSum writes the tag of seal none over a datagram.
func fixSum(d []byte) {
	end := len(d) - framing.TagSize
	binary.BigEndian.PutUint64(d[end:], sum(d[:end]))
	clear(d[end+8:])
}
