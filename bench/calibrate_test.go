package bench

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pawl/fec"
	"pawl/hw/link"
	"pawl/hw/link/linktest"
)

// calibrateOver plays a sweep over a link in memory in simulated time. Its packets are those of LinkSend, whose sockets
// and clock are real; announcements and reports, which have another size, go past the link.
func calibrateOver(t *testing.T, s CalibrateScenario, cfg linktest.Config) *Calibration {
	t.Helper()
	steps, err := s.Steps()
	if err != nil {
		t.Fatal(err)
	}
	var c *Calibration
	synctest.Test(t, func(t *testing.T) {
		cfg.DatagramSize = steps[0].Size
		l, err := linktest.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		reader, writer := l.Reader(), l.Writer()
		w := newWatching(false)
		var lock sync.Mutex
		say := func(p linkPacket) {
			lock.Lock()
			defer lock.Unlock()
			w.take(datagramOf(p))
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				batch, err := reader.Read()
				if errors.Is(err, net.ErrClosed) {
					return
				}
				lock.Lock()
				for _, d := range batch {
					w.take(d)
				}
				lock.Unlock()
			}
		}()
		for range linkRounds {
			for i, step := range steps {
				say(linkPacket{kind: linkPlan, steps: len(steps), step: i, plan: step, run: 1})
			}
		}
		for i, step := range steps {
			p := linkPacket{kind: linkProbe, steps: len(steps), step: i, plan: step, run: 1}
			pour(t, writer, p)
			time.Sleep(50 * time.Millisecond) // simulated: the pause of LinkSend
			p.kind, p.number, p.used = linkDone, step.Count, link.Plain
			say(p)
		}
		for i, step := range steps {
			say(linkPacket{kind: linkEnd, steps: len(steps), step: i, plan: step, run: 1, number: step.Count, used: link.Plain})
		}
		reader.Close()
		<-done
		if !w.ended {
			t.Error("the run is not over")
		}
		c = w.calibration()
	})
	return c
}

// pour sends the probes of a step at its rate.
func pour(t *testing.T, w *linktest.Writer, p linkPacket) {
	wire := link.WireSize(p.plan.Size, false)
	pacer := link.NewTimePacer(p.plan.Rate, 1<<20)
	batch := make([]byte, p.plan.Burst*p.plan.Size)
	for begun := time.Now(); p.number < p.plan.Count; {
		n := min(p.plan.Burst, p.plan.Count-p.number)
		pacer.Wait(n * wire)
		p.clock = time.Since(begun)
		for i := range n {
			p.put(batch[i*p.plan.Size : (i+1)*p.plan.Size])
			p.number++
		}
		if _, err := w.Write(batch[:n*p.plan.Size]); err != nil {
			t.Error(err)
			return
		}
	}
}

func datagramOf(p linkPacket) []byte {
	d := make([]byte, p.size())
	p.put(d)
	return d
}

func newSeed(t *testing.T) uint64 {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed
}

// sweepOf is steps at one rate, which is what measures a link best.
func sweepOf(rate uint64, each time.Duration, turns int) CalibrateScenario {
	return CalibrateScenario{Rates: []uint64{rate}, MTUs: []int{1500}, Bursts: []int{1, 16}, Each: each, Turns: turns, Seed: 1, Method: link.Plain}
}

// TestCalibrateMeasuresBack: links of known weather are measured back, and stated on the safe side but not far from it.
func TestCalibrateMeasuresBack(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		link  linktest.Config
		burst time.Duration // the real longest outage; stated from it to four times of it
		every time.Duration // the real time between; 0 for irregular
	}{
		"clean":       {linktest.Config{}, 0, 0},
		"loss 1 %":    {linktest.Config{Loss: 0.01}, 0, 0},
		"loss 0.1 %":  {linktest.Config{Loss: 0.001}, 0, 0},
		"loss 20 %":   {linktest.Config{Loss: 0.2}, 0, 0},
		"outages":     {linktest.Config{Outage: linktest.Outage{Every: 100 * ms, Length: 5 * ms, Offset: 20 * ms}}, 5 * ms, 100 * ms},
		"both":        {linktest.Config{Loss: 0.005, Outage: linktest.Outage{Every: 250 * ms, Length: 20 * ms}}, 20 * ms, 250 * ms},
		"mixed up":    {linktest.Config{Loss: 0.01, Duplicate: 0.01, Reorder: 0.02}, 0, 0},
		"bursts":      {linktest.Config{Burst: linktest.Gilbert{ToBad: 0.0005, ToGood: 0.05}}, 0, 0},
		"rare outage": {linktest.Config{Outage: linktest.Outage{Every: time.Hour, Length: 30 * ms, Offset: 300 * ms}}, 30 * ms, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.link.Seed, c.link.Queue = newSeed(t), 1<<20
			got := calibrateOver(t, sweepOf(200_000_000, time.Second, 1), c.link)
			s, err := got.State()
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := got.WriteText(&text, &s); err != nil {
				t.Fatal(err)
			}
			t.Logf("\n%s", &text)
			// The bound is for all packets, the worst step may raise it: one standard deviation below, five of a step above.
			p, each := c.link.Loss, float64(got.Steps[0].Sent)
			low := p * (1 - 1/math.Sqrt(1+p*each*float64(len(got.Steps))))
			high := 4e-4 + p + 5*math.Sqrt(p/each)
			if c.link.Burst.ToBad > 0 {
				high += 6e-4 // its shortest bursts are single losses
			}
			if s.Rate != 200_000_000 || s.MTU != 1500 || s.Loss < low || s.Loss > high || s.NoPlan != "" {
				t.Errorf("stated %+v, want a loss of %v to %v", s, low, high)
			}
			if c.link.Burst.ToBad == 0 && (s.Longest < c.burst-ms || s.Longest > c.burst+ms || s.Burst < c.burst || s.Burst > 4*c.burst+ms) {
				t.Errorf("outages of %v: seen %v, stated %v", c.burst, s.Longest, s.Burst)
			}
			if c.link.Burst.ToBad > 0 && (s.Outages < 3 || s.Burst < s.Longest || s.BurstEvery == 0) {
				t.Errorf("bursts: %+v", s)
			}
			if share := s.Burst.Seconds() / max(s.BurstEvery.Seconds(), 1e-9); c.every > 0 &&
				(share < c.burst.Seconds()/c.every.Seconds() || share > 3*c.burst.Seconds()/c.every.Seconds()) {
				t.Errorf("outages of %v every %v: stated %v every %v", c.burst, c.every, s.Burst, s.BurstEvery)
			}
			checkMixedUp(t, got, c.link)
		})
	}
}

// checkMixedUp compares what was seen of order and copies with what the link was told to do.
func checkMixedUp(t *testing.T, c *Calibration, cfg linktest.Config) {
	var sent, doubled, reordered uint64
	for _, s := range c.Steps {
		sent, doubled, reordered = sent+s.Sent, doubled+s.Duplicates, reordered+s.Reordered
	}
	for _, share := range []struct {
		what      string
		got, want float64
	}{{"doubled", float64(doubled) / float64(sent), cfg.Duplicate}, {"reordered", float64(reordered) / float64(sent), cfg.Reorder}} {
		if math.Abs(share.got-share.want) > 5*math.Sqrt(share.want/float64(sent))+0.05*share.want { // a lost packet has no copy
			t.Errorf("%s: %v, the link does %v", share.what, share.got, share.want)
		}
	}
}

// TestCalibrateFindsTheRate: a link whose queue runs over above some rate is stated at the highest rate below, and an
// outage does not make a rate look too high.
func TestCalibrateFindsTheRate(t *testing.T) {
	random := rand.New(rand.NewPCG(newSeed(t), 0))
	make := func(rate uint64, loss float64, outage bool) *seen {
		const n = 20_000
		w := &stepWatch{seen: seen{step: LinkStep{Size: 1472, Rate: rate, Count: n, Burst: 1}, sent: n}, clock: make([]time.Duration, n)}
		each := packetTime(w.step, false)
		for i := range uint64(n) {
			if down := outage && i > 5000 && i < 5400; !down && random.Float64() >= loss {
				w.see(i, time.Duration(i)*each)
			}
		}
		w.gather(each, false)
		return &w.seen
	}
	s, err := state([]*seen{make(1e9, 0.001, false), make(4e9, 0.3, false), make(2e9, 0.001, true), make(3e9, 0.05, false)}, false)
	if err != nil || s.Rate != 2e9 || s.Outages != 1 || s.Loss > 0.003 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := state([]*seen{make(1e9, 0.9, false)}, false); !errors.Is(err, ErrNothing) {
		t.Errorf("a link that carries nothing: %v", err)
	}
	if _, err := state([]*seen{make(1e9, 0.3, false), make(2e9, 0, false)}, false); !errors.Is(err, ErrNothing) {
		t.Errorf("a link that carries only the higher rate: %v", err)
	}
}

// TestApart: the statement's outages cover those seen, in every stretch.
func TestApart(t *testing.T) {
	random := rand.New(rand.NewPCG(newSeed(t), 0))
	for range 200 {
		var outages []lossRun
		for at := time.Duration(0); len(outages) < 40; at += time.Duration(random.ExpFloat64() * 1e8) {
			length := time.Duration(random.IntN(5_000_000) + 1)
			outages = append(outages, lossRun{at: at, length: length})
			at += length
		}
		burst := time.Duration(5_000_000 + random.IntN(20_000_000))
		every := apart([][]lossRun{outages}, burst)
		for i := range outages {
			for down, j := time.Duration(0), i; j < len(outages); j++ {
				down += outages[j].length
				covered := burst * time.Duration(1+math.Floor(float64(outages[j].at-outages[i].at)/every+1e-9))
				if down > covered {
					t.Fatalf("%v down from %d to %d, covered %v (%v every %v)", down, i, j, covered, burst, time.Duration(every))
				}
			}
		}
	}
}

// TestCalibratedPathCarries: over each link a transfer planned from its calibration arrives whole.
func TestCalibratedPathCarries(t *testing.T) {
	for name, cfg := range map[string]linktest.Config{
		"loss":   {Loss: 0.02},
		"bursts": {Burst: linktest.Gilbert{ToBad: 0.0001, ToGood: 0.02}, Loss: 0.001},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Seed, cfg.Queue = newSeed(t), 1<<20
			s, err := calibrateOver(t, sweepOf(1_000_000_000, 500*time.Millisecond, 1), cfg).State()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("stated: %+v", s)
			p := newPath(t, pathConfig{link: cfg, forecast: fec.Link{Loss: s.Loss, Burst: s.Burst, BurstEvery: s.BurstEvery}, passes: 1})
			content := make([]byte, 12<<20)
			random := rand.New(rand.NewPCG(1, 2))
			for i := range content {
				content[i] = byte(random.Uint32())
			}
			source := filepath.Join(p.dir, "file")
			p.must(os.WriteFile(source, content, 0o640))
			p.drop(source)
			got, err := os.ReadFile(p.wait("file"))
			p.must(err)
			if !bytes.Equal(got, content) {
				t.Error("what arrived is not what was sent")
			}
		})
	}
}

// TestCalibrateHalves: the real halves over loopback, as on two machines.
func TestCalibrateHalves(t *testing.T) {
	reader, err := link.Listen(link.ReaderConfig{Listen: "127.0.0.1:0", DatagramSize: 8988, ReceiveBuffer: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	sweep := CalibrateScenario{Rates: []uint64{20_000_000, 40_000_000}, MTUs: []int{1500, 9000}, Bursts: []int{1, 4}, Each: time.Second, Turns: 1, Seed: 7, Method: link.Plain}
	steps, err := sweep.Steps()
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		failed <- LinkSend{Remote: reader.LocalAddr().String(), Steps: steps}.Run(context.Background(), func(int, int, string) {})
	}()
	c, err := Receive(reader, false, time.Minute, 20*time.Second, nil)
	if err2 := <-failed; err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	s, err := c.State()
	if err != nil || len(c.Steps) != 8 || !c.Ended || c.Unheard != 0 || c.WarmUp != 0 || s.MTU != 8988 {
		t.Errorf("%+v, %v\n%+v", s, err, c)
	}
	r, err := NewResult("test", KindCalibrate)
	if err != nil {
		t.Fatal(err)
	}
	c.AddTo(r, &s)
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadResult(&text); err != nil {
		t.Error(err)
	}
}

// TestSweep: every combination once a turn, in an order that the seed decides, and impossible ones refused.
func TestSweep(t *testing.T) {
	s := CalibrateScenario{Rates: []uint64{1e8, 2e8}, MTUs: []int{1500, 9000}, Bursts: []int{1, 16}, Each: time.Second, Turns: 2, Seed: 3, Method: link.MMsg}
	steps, err := s.Steps()
	again, _ := s.Steps()
	if err != nil || len(steps) != 16 || !slices.Equal(steps, again) {
		t.Fatalf("%v, %v", steps, err)
	}
	for name, change := range map[string]func(*CalibrateScenario){
		"no rate": func(s *CalibrateScenario) { s.Rates = nil }, "rate 0": func(s *CalibrateScenario) { s.Rates = []uint64{0} },
		"too many": func(s *CalibrateScenario) { s.Turns = 1000 }, "too long": func(s *CalibrateScenario) { s.Each = time.Hour },
		"too short": func(s *CalibrateScenario) { s.Each = time.Microsecond }, "small MTU": func(s *CalibrateScenario) { s.MTUs = []int{10} },
		"burst": func(s *CalibrateScenario) { s.Bursts = []int{5000} },
	} {
		changed := s
		change(&changed)
		if _, err := changed.Steps(); !errors.Is(err, ErrSweep) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWatchingBelievesNobody: packets of other runs and of other plans change nothing.
func TestWatchingBelievesNobody(t *testing.T) {
	step := LinkStep{Size: 200, Burst: 1, Method: link.Plain, Rate: 1e6, Count: 1000}
	good := linkPacket{kind: linkProbe, steps: 2, plan: step, run: 7, number: 3, clock: time.Second}
	w := newWatching(false)
	w.take(datagramOf(good))
	for _, change := range []func(*linkPacket){
		func(p *linkPacket) { p.run = 8 }, func(p *linkPacket) { p.steps = 3 }, func(p *linkPacket) { p.plan.Count = 2000 },
		func(p *linkPacket) { p.step, p.plan.Count = 1, MaxCalibrateCount+1 }, func(p *linkPacket) { p.step, p.plan.Rate = 1, 0 },
	} {
		p := good
		change(&p)
		w.take(datagramOf(p))
	}
	damaged := datagramOf(good)
	damaged[100]++
	w.take(damaged)
	w.take([]byte("PW"))
	c := w.calibration()
	if c.Strange != 5 || c.Damaged != 1 || c.Foreign != 1 || len(c.Steps) != 1 || c.Steps[0].Arrived != 1 || c.Unheard != 1 {
		t.Errorf("%+v", c)
	}
}
