package sender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
)

// tally is a link that counts octets on the wire by channel and by the hour, and what each
// channel sent when it should not have.
type tally struct {
	mu     sync.Mutex
	wire   int
	begin  time.Time
	hours  map[int]map[uint16]float64
	beats  map[int]int
	closed func(channel uint16, now time.Time) bool
	late   map[uint16]int // symbols of content while closed
}

func (c *tally) Write(batch []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const size = testT + framing.Overhead
	now := time.Now()
	hour := int(now.Sub(c.begin) / time.Hour)
	for at := 0; at < len(batch); at += size {
		var h framing.Header
		if err := framing.ParseHeader(batch[at:at+size], &h); err != nil {
			return 0, err
		}
		switch h.Type {
		case framing.TypeBeat:
			c.beats[hour]++
		case framing.TypeSymbol:
			if c.hours[hour] == nil {
				c.hours[hour] = map[uint16]float64{}
			}
			c.hours[hour][h.Channel] += float64(c.wire)
			if h.Object == framing.ObjectContent && c.closed(h.Channel, now) {
				c.late[h.Channel]++
			}
		}
	}
	return len(batch) / size, nil
}

// share is the part of a channel in what was sent from one hour to another.
func (c *tally) share(channel uint16, from, to int) float64 {
	var mine, all float64
	for hour := from; hour < to; hour++ {
		for id, octets := range c.hours[hour] {
			all += octets
			if id == channel {
				mine += octets
			}
		}
	}
	return mine / max(all, 1)
}

// sparse is a file of zeros that takes no room.
func sparse(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestDay is a simulated day of four channels that always have something to send: a heavy
// and a light one all day, one at night by the clock of Berlin, and a bulk one that gets
// what the others leave when they are closed at noon.
func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		cfg.Seal, cfg.Receiver = seal.ModeNone, nil
		cfg.Forecast.Rate, cfg.Forecast.Memory = 100_000, 128<<10
		cfg.Pacer = link.NewTimePacer(cfg.Forecast.Rate, 0)
		begin := time.Now() // 2000-01-01 00:00 UTC, a Saturday
		day := must(ParseWindow("daily 00:00-12:00"))(t)
		evening := must(ParseWindow("daily 13:00-24:00"))(t)
		night := must(ParseWindow("Sat 18:00-06:00 Europe/Berlin"))(t) // 17:00-05:00 UTC in winter
		cfg.Channels = nil
		for i, c := range []Channel{
			{Weight: 5, Windows: []Window{day, evening}}, {Weight: 3, Windows: []Window{day, evening}},
			{Weight: 2, Windows: []Window{night}}, {Class: Bulk},
		} {
			c.ID, c.Name = uint16(i+1), fmt.Sprint("c", i+1)
			c.Folder = filepath.Join(dir, c.Name)
			cfg.Channels = append(cfg.Channels, c)
		}
		count := &tally{
			wire: cfg.Forecast.WireSize, begin: begin, hours: map[int]map[uint16]float64{}, beats: map[int]int{}, late: map[uint16]int{},
			closed: func(channel uint16, now time.Time) bool {
				h := now.UTC().Hour()
				switch channel {
				case 1, 2:
					return h == 12
				case 3:
					return h < 17
				}
				return false
			},
		}
		cfg.Link = count
		s := must(New(cfg))(t)
		s.schedule.every = time.Hour // the disk's time is not simulated
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		source := sparse(t, 700_000_000)
		for _, c := range s.channels {
			if _, err := s.claimer.submit(ctx, c, source); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(24*time.Hour - time.Since(begin))
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		for _, want := range []struct {
			channel  uint16
			from, to int
			share    float64
		}{
			{1, 1, 12, 5. / 8}, {2, 1, 12, 3. / 8}, {3, 0, 17, 0}, {4, 1, 11, 0},
			{4, 12, 13, 1},
			{1, 13, 17, 5. / 8}, {2, 13, 17, 3. / 8},
			{1, 17, 24, 5. / 10}, {2, 17, 24, 3. / 10}, {3, 17, 24, 2. / 10},
		} {
			got := count.share(want.channel, want.from, want.to)
			t.Logf("channel %d from %d to %d h: %.2f %%, want %.1f %%", want.channel, want.from, want.to, 100*got, 100*want.share)
			if d := got - want.share; d > 0.02 || d < -0.02 {
				t.Errorf("channel %d from %d to %d h has %.1f %% of the link, want %.1f %%", want.channel, want.from, want.to, 100*got, 100*want.share)
			}
		}
		for hour := range 24 {
			if count.beats[hour] < 3000 {
				t.Errorf("%d beats in hour %d", count.beats[hour], hour)
			}
			var sum float64
			for _, octets := range count.hours[hour] {
				sum += octets * 8 / 3600
			}
			if hour > 0 && sum < 0.7*float64(cfg.Forecast.Rate) {
				t.Errorf("%.0f bit/s in hour %d: the link idled (session and beat take a quarter)", sum, hour)
			}
		}
		if len(count.late) > 0 {
			t.Errorf("content was sent outside the windows: %v", count.late)
		}
	})
}

// TestUrgent drops a small urgent transfer while a large one is being sent, again and again:
// all of it has left within 100 ms, and the large one goes on and is whole.
func TestUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		wire := newCatcher(t)
		cfg := testConfig(dir, wire)
		cfg.Channels = append(cfg.Channels, Channel{ID: 8, Name: "alarm", Folder: filepath.Join(dir, "alarm"), Class: Urgent})
		source := t.TempDir()
		text := noise(1, 60_000_000) // five seconds
		plant(t, source, map[string]string{"big": text, "small": noise(2, 1024)})
		d := start(t, cfg)
		big := must(d.claimer.submit(t.Context(), d.channels[0], filepath.Join(source, "big")))(t)
		var worst time.Duration
		for range 20 {
			time.Sleep(211 * time.Millisecond)
			if st := big.state.Load().State; st != StateSending {
				t.Fatalf("the large transfer is %s", st)
			}
			begun := time.Now()
			f := must(d.claimer.submit(t.Context(), d.channels[1], filepath.Join(source, "small")))(t)
			d.until("all objects", func() bool {
				all := wire.all()
				return copiesOf(all, f.rec.Transfer, framing.ObjectProof) > 0
			})
			all := transferOf(wire.all(), f.rec.Transfer)
			for _, p := range all {
				if p.h.Object == framing.ObjectProof {
					worst = max(worst, p.at.Sub(begun))
					break
				}
			}
		}
		t.Logf("worst: %v", worst)
		if worst > 100*time.Millisecond {
			t.Errorf("an urgent transfer took %v", worst)
		}
		<-big.done
		d.stop()
		if a := receive(t, wire.all(), big.rec.Transfer, lossy(7, 0.01)); a.files["big"] != text {
			t.Error("the large transfer is not whole")
		}
		checkStart(t, wire.all())
	})
}

// TestShares divides a link by hand, with channels that come and go.
func TestShares(t *testing.T) {
	var s shares
	all := []*account{{weight: 1}, {weight: 3}, {weight: 1000}}
	sent := make([]uint64, len(all))
	send := func(n int, backlogged ...int) {
		clear(sent)
		for i := range n {
			best := backlogged[0]
			for _, b := range backlogged {
				if s.start(all[b], Normal) < s.start(all[best], Normal) {
					best = b
				}
			}
			octets := uint64(1000 + i%7*300) // groups of unequal size
			s.charge(all[best], Normal, octets)
			sent[best] += octets
		}
	}
	send(4000, 0, 1)
	if r := float64(sent[1]) / float64(sent[0]); r < 2.94 || r > 3.06 {
		t.Errorf("shares 1:3 came out as 1:%.3f", r)
	}
	send(1000, 0) // alone: nothing is saved up by the others
	send(4000, 0, 1)
	if r := float64(sent[1]) / float64(sent[0]); r < 2.94 || r > 3.06 {
		t.Errorf("after a pause shares 1:3 came out as 1:%.3f", r)
	}
	send(100_000, 0, 2)
	if r := float64(sent[2]) / float64(sent[0]); r < 980 || r > 1020 {
		t.Errorf("shares 1:1000 came out as 1:%.1f", r)
	}
}
