package bench

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/dustin/go-humanize"

	"pawl/framing"
	"pawl/hw/link"
)

// CalibrateScenario is a sweep over a link: every rate with every MTU and burst, each so often, in an order from the seed.
// The order is mixed so that what changes with time (a machine that warms up, a link that degrades) does not look
// like an effect of the rate.
type CalibrateScenario struct {
	Rates  []uint64      // bit/s on the wire
	MTUs   []int         // octets; datagrams are as pawl-send's are at that MTU
	Bursts []int         // datagrams that leave together
	Each   time.Duration // of one step
	Turns  int           // how often each combination comes
	Seed   uint64
	IPv6   bool
	Method link.Method // of sending
}

// ErrSweep says that a sweep can't be made.
var ErrSweep = errors.New("impossible sweep")

// Steps are the steps of the sweep in their order. Errors wrap ErrSweep.
func (s CalibrateScenario) Steps() ([]LinkStep, error) {
	n := len(s.Rates) * len(s.MTUs) * len(s.Bursts) * s.Turns
	if n < 1 || n > MaxLinkSteps {
		return nil, fmt.Errorf("%w: %d steps, 1 to %d are possible: take fewer rates, MTUs, bursts or turns", ErrSweep, n, MaxLinkSteps)
	}
	steps := make([]LinkStep, 0, n)
	for range s.Turns {
		for _, rate := range s.Rates {
			for _, mtu := range s.MTUs {
				for _, burst := range s.Bursts {
					step, err := s.step(rate, mtu, burst)
					if err != nil {
						return nil, fmt.Errorf("%w: %w", ErrSweep, err)
					}
					steps = append(steps, step)
				}
			}
		}
	}
	random := rand.New(rand.NewPCG(s.Seed, 0))
	random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	for i := range steps {
		steps[i].Seed = random.Uint64()
	}
	return steps, nil
}

// leastCount is how many packets a step must have for its slots to mean anything.
const leastCount = 10 * slots

func (s CalibrateScenario) step(rate uint64, mtu, burst int) (LinkStep, error) {
	t, err := framing.SymbolSize(mtu, s.IPv6)
	if err != nil {
		return LinkStep{}, err
	}
	if rate == 0 {
		return LinkStep{}, errors.New("a rate of 0")
	}
	step := LinkStep{Size: t + framing.Overhead, Burst: burst, Method: s.Method, Rate: rate, Count: 1}
	count := s.Each.Seconds() * float64(rate) / float64(8*link.WireSize(step.Size, s.IPv6))
	if count > MaxCalibrateCount {
		return step, fmt.Errorf("%v at %s and MTU %d are %.0f packets, at most %d are possible: take shorter steps and more turns", s.Each, humanize.SI(float64(rate), "bit/s"), mtu, count, MaxCalibrateCount)
	}
	if count < leastCount {
		return step, fmt.Errorf("%v at %s and MTU %d are %.0f packets, at least %d are needed: take longer steps", s.Each, humanize.SI(float64(rate), "bit/s"), mtu, count, leastCount)
	}
	step.Count = int(count)
	return step, step.Check()
}

// Calibration is what the receiving half of a calibration saw.
type Calibration struct {
	Steps   []CalibratedStep
	Unheard int    // steps of which nothing arrived, not even their announcement
	WarmUp  uint64 // announcements lost at the start of the run, before the first that arrived
	Ended   bool   // the run said itself that it was over

	Drops uint64 // datagrams that the receiving kernel had no room for, if it can tell: they count as lost

	Foreign, Damaged, Strange uint64 // datagrams that were no packets of the run: not of pawl-bench; with a wrong checksum; of another run

	ipv6 bool
	all  []*seen
}

// CalibratedStep is what was seen of one step.
type CalibratedStep struct {
	LinkStep
	Sent, Arrived, Lost uint64 // packets; Lost without the warm-up
	WarmUp              uint64 // of the first step: packets lost before its first arrived
	Duplicates          uint64
	Reordered           uint64 // packets that came after one sent later
	ReorderedBy         uint64 // packets, at most
	Outages             int
	Longest             time.Duration // outage
	Took                time.Duration
	SlotLoss            []float64 // share lost in each twentieth of the step
	Runs                []Bin     // packets lost in a row
}

// linkSource is the end of a link that a calibration reads: hw/link's Reader, or linktest's.
type linkSource interface {
	Read() ([][]byte, error)
	SetDeadline(time.Time) error
}

// Receive is the receiving half: it reads until the run says that it is over, or nothing has come for idle after the
// first packet. wait is how long the first may take, 0 for ever. progress, if not nil, is told of each new step. Errors:
// the source's, and ErrNothing if nothing came.
func Receive(from linkSource, ipv6 bool, wait, idle time.Duration, progress func(done, total int, line string)) (*Calibration, error) {
	w := newWatching(ipv6)
	if progress == nil {
		progress = func(int, int, string) {}
	}
	if err := w.read(from, wait, idle, progress); err != nil {
		return nil, err
	}
	c := w.calibration()
	if len(c.all) == 0 {
		return nil, fmt.Errorf("%w: no packet of a calibration came: is the other half sending, to this address and port?", ErrNothing)
	}
	return c, nil
}

// calibration ends the run and says what was seen of it.
func (w *watching) calibration() *Calibration {
	all, unheard := w.finish()
	c := &Calibration{
		Unheard: unheard, WarmUp: w.warmUp(), Ended: w.ended,
		Foreign: w.foreign, Damaged: w.damaged, Strange: w.strange, ipv6: w.ipv6, all: all,
	}
	for _, s := range all {
		c.Steps = append(c.Steps, s.report())
	}
	return c
}

// read takes datagrams until the run is over.
func (w *watching) read(from linkSource, wait, idle time.Duration, progress func(done, total int, line string)) error {
	at := -1
	if wait > 0 {
		if err := from.SetDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
	}
	for !w.ended {
		batch, err := from.Read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, datagram := range batch {
			w.take(datagram)
		}
		if w.run == 0 {
			continue
		}
		if err := from.SetDeadline(time.Now().Add(idle)); err != nil {
			return err
		}
		if s := w.open[1]; s != nil && s.number > at {
			at = s.number
			progress(at, len(w.plans), fmt.Sprintf("%s, datagrams of %d octets, %d together", humanize.SI(float64(s.step.Rate), "bit/s"), s.step.Size, s.step.Burst))
		}
	}
	return nil
}

func (s *seen) report() CalibratedStep {
	_, outages := s.split()
	share := s.slotLoss()
	out := CalibratedStep{
		LinkStep: s.step, Sent: s.sent, Arrived: s.arrived, Lost: s.lost() - s.warmUp, WarmUp: s.warmUp, Duplicates: s.duplicates,
		Reordered: s.late, ReorderedBy: s.lateMost, Outages: len(outages), Took: s.took, SlotLoss: share[:], Runs: s.runBins(),
	}
	for _, o := range outages {
		out.Longest = max(out.Longest, o.length)
	}
	return out
}

// State says what a sender should be told of the link. Errors wrap ErrNothing.
func (c *Calibration) State() (Statement, error) { return state(c.all, c.ipv6) }
