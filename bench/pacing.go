package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"pawl/framing"
	"pawl/hw/link"
	"pawl/hw/testbed"
)

// PacingScenario measures how the pacer of hw/link holds a rate: over a testbed, with the datagrams, batches and burst of pawl-send.
type PacingScenario struct {
	Rates    []uint64      // bit/s on the wire
	MTU      int           // 0 is 1500
	Duration time.Duration // of one sample; 0 is 2 s
	Samples  int           // for each rate; 0 is 5
	Spin     bool          // burn a core instead of sleeping
}

// paceBurst is what pawl-send lets leave at once after lateness where its configuration does not say: 1 ms of the rate.
func paceBurst(rate uint64) int { return max(int(rate/8/1000), 64<<10) }

// Run measures each rate, one row each. say hears of each sample.
func (s PacingScenario) Run(ctx context.Context, version string, say func(done, total int, line string)) (result *Result, err error) {
	if s.MTU == 0 {
		s.MTU = 1500
	}
	if s.Duration == 0 {
		s.Duration = 2 * time.Second
	}
	if s.Samples == 0 {
		s.Samples = 5
	}
	if err := errors.Join(testbed.Available(), testbed.Sweep()); err != nil {
		return nil, err
	}
	if result, err = NewResult(version, KindPacing); err != nil {
		return nil, err
	}
	result.Settings["duration"], result.Settings["spin"] = s.Duration.String(), fmt.Sprint(s.Spin)
	bed, err := testbed.Up(testbed.Config{MTU: s.MTU})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.Down()) }()
	// As pawl-send does: a pacer that sleeps needs a place of the scheduler when it wakes.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + 2))
	p, err := newPacing(&s, bed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	for i, rate := range s.Rates {
		row := NewRow(fmt.Sprintf("pacing/mtu=%d/rate=%d", s.MTU, rate))
		row.Values["mtu"], row.Values["asked_rate_bps"] = float64(s.MTU), float64(rate)
		for n := range s.Samples {
			say(i*s.Samples+n, len(s.Rates)*s.Samples, row.Name)
			if err := p.sample(ctx, &row, rate); err != nil {
				return nil, err
			}
		}
		result.Rows = append(result.Rows, row)
	}
	say(len(s.Rates)*s.Samples, len(s.Rates)*s.Samples, "done")
	return result, nil
}

// pacing is a PacingScenario with its link.
type pacing struct {
	*PacingScenario
	size, wire int // of a datagram, octets: payload, on the wire
	writer     *link.Writer
	reader     *link.Reader
	arrived    atomic.Uint64 // datagrams
	ended      chan error
}

func newPacing(s *PacingScenario, bed *testbed.Bed) (p *pacing, err error) {
	t, err := framing.SymbolSize(s.MTU, false)
	if err != nil {
		return nil, err
	}
	p = &pacing{PacingScenario: s, size: t + framing.Overhead, ended: make(chan error, 1)}
	p.wire = link.WireSize(p.size, false)
	address := fmt.Sprintf("%v:%d", bed.Address(testbed.High, 0), port)
	err = bed.Do(testbed.High, func() (err error) {
		p.reader, err = link.Listen(link.ReaderConfig{Listen: address, DatagramSize: p.size, ReceiveBuffer: 64 << 20})
		return err
	})
	if err != nil {
		return nil, err
	}
	err = bed.Do(testbed.Low, func() (err error) {
		p.writer, err = link.Dial(link.WriterConfig{Remote: address, DatagramSize: p.size, GSO: true})
		return err
	})
	if err != nil {
		return nil, errors.Join(err, p.reader.Close())
	}
	go func() { p.ended <- p.receive() }()
	return p, nil
}

// receive takes what comes, as the receiver of a real link does: its work competes with the pacer's wake-ups.
func (p *pacing) receive() error {
	for {
		datagrams, err := p.reader.Read()
		if err != nil {
			return err
		}
		p.arrived.Add(uint64(len(datagrams)))
	}
}

func (p *pacing) close() error {
	err := errors.Join(p.writer.Close(), p.reader.Close())
	if ended := <-p.ended; !errors.Is(ended, net.ErrClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// paced is what one run of a pacer showed.
type paced struct {
	octets  uint64        // on the wire
	took    time.Duration // from the first grant to when the last octets had had their time
	burst   float64       // octets: the longest run at the device's own speed
	cpu     time.Duration // of the pacing thread
	batch   int           // octets on the wire of one Wait
	allowed int           // octets of the burst asked for
	sent    uint64        // datagrams
	late    time.Duration // lateness that was not made up
}

// sample measures a rate once, with sending and then without: the second says what pacing alone costs.
func (p *pacing) sample(ctx context.Context, row *Row, rate uint64) error {
	before := p.arrived.Load()
	run, err := p.run(ctx, rate, p.writer.Write)
	if err != nil {
		return err
	}
	alone, err := p.run(ctx, rate, func(batch []byte) (int, error) { return len(batch) / p.size, nil })
	if err != nil {
		return err
	}
	got := float64(run.octets) * 8 / run.took.Seconds()
	row.Sample("sent_rate_bps", got)
	row.Sample("rate_error_ratio", math.Abs(got/float64(rate)-1))
	row.Sample("burst_bytes", run.burst)
	row.Values["burst_stated_bytes"] = float64(run.allowed + run.batch)
	row.Sample("burst_stated_ratio", run.burst/float64(run.allowed+run.batch))
	row.Sample("cpu_pacing_ratio", alone.cpu.Seconds()/alone.took.Seconds())
	row.Sample("cpu_sending_ratio", run.cpu.Seconds()/run.took.Seconds())
	row.Sample("forgiven_s", run.late.Seconds())
	row.Sample("lost_packets", float64(run.sent)-float64(p.arrived.Load()-before))
	return nil
}

// run paces for the duration. The burst seen is the level of a bucket that drains at the rate and takes each batch at the moment it was
// let go: what a diode with that rate would have had to buffer.
func (p *pacing) run(ctx context.Context, rate uint64, send func([]byte) (int, error)) (r paced, err error) {
	n := max(1, min(64, 65487/p.size)) // what pawl-send hands over at a time: the most that segmentation takes
	batch := make([]byte, n*p.size)
	r.batch, r.allowed = n*p.wire, paceBurst(rate)
	pacer := link.NewPacer(rate, r.allowed)
	pacer.Spin(p.Spin)
	pacer.Lock()
	defer pacer.Unlock()
	cpu, err := threadTime()
	if err != nil {
		return r, err
	}
	perNs := float64(rate) / 8e9 // octets on the wire
	pacer.Wait(r.batch)
	begun := time.Now()
	last, level := begun, 0.0
	for now := begun; now.Sub(begun) < p.Duration && ctx.Err() == nil; now = time.Now() {
		level = max(0, level-float64(now.Sub(last))*perNs) + float64(r.batch)
		r.burst, last = max(r.burst, level), now
		taken, err := send(batch)
		if err != nil {
			return r, err
		}
		r.sent += uint64(taken)
		r.octets += uint64(taken * p.wire)
		pacer.Wait(r.batch) // the next may go now: those before have had their time
	}
	r.took, r.late = time.Since(begun), pacer.Forgiven()
	after, err := threadTime()
	r.cpu = after - cpu
	return r, errors.Join(err, context.Cause(ctx))
}

// threadTime is what the calling thread, to which the caller is locked, has run. Waiting makes it stop, which is when the kernel enters it.
func threadTime() (time.Duration, error) {
	parked := make(chan struct{})
	go close(parked)
	<-parked
	text, err := os.ReadFile("/proc/thread-self/schedstat")
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errNoCPUTime, err)
	}
	var ns int64
	if _, err := fmt.Fscan(strings.NewReader(string(text)), &ns); err != nil {
		return 0, fmt.Errorf("CPU time of the thread: %w", err)
	}
	return time.Duration(ns), nil
}
