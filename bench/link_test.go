package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"pawl/hw/link"
)

func noMeter() (meter, error) { return meter{}, nil }

func testStep(count int) LinkStep {
	return LinkStep{Size: 100, Burst: 4, Method: link.Plain, Rate: 1e9, Count: count, Seed: 3}
}

func (p linkPacket) datagram() []byte {
	d := make([]byte, p.size())
	p.put(d)
	return d
}

func FuzzLinkPacket(f *testing.F) {
	for _, p := range []linkPacket{
		{kind: linkPlan, steps: 3, step: 1, plan: testStep(9), run: 5},
		{kind: linkProbe, steps: 1, plan: testStep(9), run: 5, number: 8, clock: 77},
		{kind: linkEnd, steps: 1, plan: testStep(9), run: 5, number: 9, clock: 77, cpu: 5, used: link.GSO},
	} {
		f.Add(p.datagram(), false)
	}
	f.Fuzz(func(t *testing.T, datagram []byte, sum bool) {
		var p linkPacket
		if sum && len(datagram) >= MinLinkSize { // so that the fuzzer gets past the checksum
			datagram = bytes.Clone(datagram)
			end := len(datagram) - linkSumSize
			binary.BigEndian.PutUint64(datagram[end:], xxhash.Sum64(datagram[:end]))
		}
		if p.parse(datagram) != nil {
			return
		}
		again := bytes.Clone(datagram)
		p.put(again)
		if !bytes.Equal(again, datagram) {
			t.Errorf("%x is accepted and written as %x", datagram, again)
		}
		a := newLinkAccount()
		if err := errors.Join(a.hear(&p, datagram, 1, noMeter), a.settle(noMeter)); err != nil || a.run != p.run {
			t.Errorf("%v %+v", err, a)
		}
	})
}

func TestLinkPacketIsReadStrictly(t *testing.T) {
	good := linkPacket{kind: linkProbe, steps: 2, step: 1, plan: testStep(9), run: 5, number: 8, clock: 77}
	var p linkPacket
	if err := p.parse(good.datagram()); err != nil || p != good {
		t.Fatalf("%v: %+v, want %+v", err, p, good)
	}
	if n := testing.AllocsPerRun(100, func() { _ = p.parse(good.datagram()[:10]) }); n > 1 { // the datagram itself
		t.Errorf("%v allocations", n)
	}
	for name, change := range map[string]func(*linkPacket){
		"step beyond steps": func(p *linkPacket) { p.step = 2 }, "no steps": func(p *linkPacket) { p.steps, p.step = 0, 0 },
		"too many steps": func(p *linkPacket) { p.steps = MaxLinkSteps + 1 }, "number beyond count": func(p *linkPacket) { p.number = 9 },
		"no run": func(p *linkPacket) { p.run = 0 }, "burst": func(p *linkPacket) { p.plan.Burst = 0 },
		"count": func(p *linkPacket) { p.plan.Count = MaxLinkCount + 1 }, "rate": func(p *linkPacket) { p.plan.Rate = MaxLinkRate + 1 },
		"clock": func(p *linkPacket) { p.clock = -1 }, "cpu of a probe": func(p *linkPacket) { p.cpu = 1 },
		"used of a probe": func(p *linkPacket) { p.used = link.GSO }, "method": func(p *linkPacket) { p.plan.Method = link.GRO },
		"kind": func(p *linkPacket) { p.kind = 5; p.plan.Size = MinLinkSize }, "plan with a number": func(p *linkPacket) { p.kind = linkPlan },
		"done without method": func(p *linkPacket) { p.kind = linkDone },
	} {
		bad := good
		change(&bad)
		if err := p.parse(bad.datagram()); err != errLinkField {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := good.datagram()
	for i := range d {
		d[i] ^= 0x10
		if err := p.parse(d); err == nil {
			t.Errorf("octet %d damaged and accepted", i)
		}
		d[i] ^= 0x10
	}
	if err := p.parse(d[:len(d)-1]); err == nil {
		t.Error("a cut datagram was accepted")
	}
}

// The window agrees with a model that remembers everything.
func TestLinkWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, seen := new(linkWindow), map[int]bool{}
		next, reordered, duplicates := 0, 0, 0
		for range rapid.IntRange(0, 300).Draw(t, "packets") {
			number := max(0, next+rapid.OneOf(rapid.IntRange(-5, 5), rapid.IntRange(0, 200_000)).Draw(t, "step"))
			if number < next-windowSize {
				continue
			}
			w.see(number)
			switch {
			case seen[number]:
				duplicates++
			case number < next:
				reordered++
			}
			seen[number] = true
			next = max(next, number+1)
		}
		count := next + rapid.IntRange(0, 100_000).Draw(t, "tail")
		w.finish(count)
		if w.received != len(seen) || w.lost != count-len(seen) || w.reordered != reordered || w.duplicates != duplicates || w.late != 0 {
			t.Fatalf("received %d lost %d reordered %d duplicates %d late %d; want %d %d %d %d", w.received, w.lost, w.reordered, w.duplicates, w.late,
				len(seen), count-len(seen), reordered, duplicates)
		}
		runs, run := [32]uint64{}, 0
		for n := range count + 1 {
			if n < count && !seen[n] {
				run++
				continue
			}
			for i := range runs {
				if run > 0 && run <= 1<<i {
					runs[i]++
					break
				}
			}
			run = 0
		}
		if w.runs != runs {
			t.Fatalf("runs %v, want %v", w.runs, runs)
		}
	})
}

// A stranger's packet with the largest number costs no time and no memory.
func TestLinkWindowLeaps(t *testing.T) {
	w := new(linkWindow)
	w.see(0)
	w.see(MaxLinkCount - 1)
	w.see(5)
	w.finish(MaxLinkCount)
	if w.received != 2 || w.lost != MaxLinkCount-2 || w.late != 1 {
		t.Errorf("received %d, lost %d, late %d", w.received, w.lost, w.late)
	}
}

// hearAll lets an account hear packets, one a millisecond.
func hearAll(t *testing.T, packets ...linkPacket) *linkAccount {
	t.Helper()
	a := newLinkAccount()
	for i := range packets {
		if err := a.hear(new(linkPacket), packets[i].datagram(), time.Duration(i)*time.Millisecond, noMeter); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.settle(noMeter); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestLinkAccount(t *testing.T) {
	probe := func(step, number int) linkPacket {
		return linkPacket{kind: linkProbe, steps: 4, step: step, plan: testStep(10), run: 5, number: number}
	}
	foreign, contradicting := probe(0, 3), probe(0, 3)
	foreign.run = 6
	contradicting.plan.Count = 11
	done := linkPacket{kind: linkDone, steps: 4, step: 0, plan: testStep(10), run: 5, number: 8, clock: 50, cpu: 9, used: link.MMsg}
	plan := linkPacket{kind: linkPlan, steps: 4, step: 2, plan: testStep(10), run: 5}
	damaged := probe(0, 4)
	a := newLinkAccount()
	for _, p := range []linkPacket{probe(0, 0), probe(0, 1), foreign, contradicting, probe(0, 1), probe(0, 5), probe(0, 4), damaged, done, probe(0, 6), plan, probe(1, 9)} {
		d := p.datagram()
		if p == damaged && a.window.received > 3 {
			d[80] ^= 1
		}
		if err := a.hear(new(linkPacket), d, 0, noMeter); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.settle(noMeter); err != nil {
		t.Fatal(err)
	}
	if s := &a.steps[0]; s.received != 4 || s.lost != 4 || s.duplicates != 1 || s.reordered != 1 || s.damaged != 1 || s.sent != 8 {
		t.Errorf("step 0: %+v", s)
	}
	if a.foreign != 1 || a.contradicting != 1 || a.stray != 1 || a.unknown() != 1 || a.ended {
		t.Errorf("%+v", a)
	}
	if s := &a.steps[1]; s.received != 1 || s.lost != 9 || len(s.runs) != 1 || s.runs[0] != (Bin{16, 1}) {
		t.Errorf("step 1, of which the sender said nothing more: %+v", s)
	}
	r := &Result{Settings: map[string]string{}}
	a.describe(r)
	if r.Settings["fell back"] != "size=100/burst=4/method=plain/rate=1000000000: mmsg" {
		t.Errorf("%+v", r.Settings)
	}
	if s := &a.steps[2]; s.lost != 10 {
		t.Errorf("step 2, announced and lost whole: %+v", s)
	}
}

// The highest rate without loss is below the lowest that lost, also when a higher one got through.
func TestHighestRate(t *testing.T) {
	var packets []linkPacket
	for i, c := range []struct {
		rate uint64
		lost bool
	}{{1e6, false}, {4e6, false}, {2e6, false}, {3e6, true}, {0, false}} {
		p := linkPacket{kind: linkProbe, steps: 5, step: i, plan: testStep(2), run: 5}
		p.plan.Rate = c.rate
		packets = append(packets, p)
		if !c.lost {
			p.number = 1
			packets = append(packets, p)
		}
		p.kind, p.number, p.used, p.clock = linkDone, 2, link.Plain, time.Duration(2*float64(link.WireSize(100, false))*8e9/float64(max(c.rate, 1)))
		packets = append(packets, p)
	}
	rows := hearAll(t, packets...).rows(false)
	last := rows[len(rows)-1]
	if got := last.Values["lossless_rate_bps"]; last.Name != "highest/size=100/method=plain" || got < 1.99e6 || got > 2.01e6 {
		t.Errorf("%s: %v", last.Name, got)
	}
}

// Both halves over loopback, every method that there is.
func TestLinkHalves(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, pair := range []LinkMethods{{link.Plain, link.Plain}, {link.MMsg, link.MMsg}, {link.GSO, link.GRO}} {
		t.Run(pair.String(), func(t *testing.T) {
			receive := LinkReceive{Listen: "127.0.0.1:0", Size: 1472, Method: pair.Receive}
			ready := make(chan netip.AddrPort, 1)
			heard := make(chan error, 1)
			var result *Result
			go func() {
				var err error
				result, err = receive.Run(t.Context(), "v0", func(at netip.AddrPort) { ready <- at })
				heard <- err
			}()
			var at netip.AddrPort
			select {
			case at = <-ready:
			case err := <-heard:
				t.Skipf("no such method here: %v", err)
			}
			slow, fast := NewLinkStep(1472, 20e6, pair.Send, 50*time.Millisecond, seed), NewLinkStep(600, 50e6, pair.Send, 50*time.Millisecond, seed)
			send := LinkSend{Remote: at.String(), Steps: []LinkStep{slow, fast, slow}, Pause: 5 * time.Millisecond}
			if err := send.Run(t.Context(), func(int, int, string) {}); err != nil {
				t.Fatal(err)
			}
			if err := <-heard; err != nil {
				t.Fatal(err)
			}
			if err := result.check(); err != nil {
				t.Fatal(err)
			}
			if len(result.Rows) != 4 || len(result.Rows[0].Samples["loss_ratio"]) != 2 || result.Settings["unknown steps"] != "0" || result.Settings["ended"] != "as the sender said" {
				t.Fatalf("%+v", result)
			}
			for _, row := range result.Rows[:2] {
				if row.Values["received_packets"] == 0 || row.Values["damaged_packets"] != 0 || row.Values["sent_packets"] != row.Values["received_packets"]+row.Values["lost_packets"] {
					t.Errorf("%+v", row)
				}
			}
		})
	}
}

func TestLinkReceiveHearsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := LinkReceive{Listen: "127.0.0.1:0"}.Run(ctx, "v0", func(netip.AddrPort) { cancel() })
	if !errors.Is(err, ErrSilence) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestSearchRate(t *testing.T) {
	link := func(limit, machine uint64) func(uint64) (*Row, error) {
		return func(rate uint64) (*Row, error) {
			row := NewRow("step")
			sent := min(rate, machine)
			row.Values["sent_rate_bps"], row.Values["lost_packets"] = float64(sent), float64(max(sent, limit)-limit)
			return &row, nil
		}
	}
	for _, c := range []struct {
		limit, machine uint64
		least, most    float64
		bound          bool
	}{
		{1e9, 1e12, 0.95e9, 1e9, false}, {1e12, 1e12, 2e10, 2e10, false}, {1e12, 3e9, 3e9, 3e9, true},
		{2e6, 1e12, 2e6, 2e6, false}, {1.5e6, 1e12, 0, 0, false}, {3e9, 3.01e9, 2.8e9, 3e9, false},
	} {
		best, bound, err := searchRate(2e6, 2e10, 0.05, link(c.limit, c.machine))
		if err != nil {
			t.Fatal(err)
		}
		found := 0.0
		if best != nil {
			found = best.Values["sent_rate_bps"]
		}
		if found < c.least || found > c.most || bound != c.bound {
			t.Errorf("limit %d: found %v, bound %v", c.limit, found, bound)
		}
	}
	broken := errors.New("broken")
	if _, _, err := searchRate(1, 2, 0.05, func(uint64) (*Row, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}
