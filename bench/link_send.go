package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"pawl/hw/link"
)

// LinkSend is the low half of the link scenario: it plays the steps one after another.
type LinkSend struct {
	Local, Remote string // as link.WriterConfig
	Steps         []LinkStep
	SendBuffer    int           // octets; 0 is the default of hw/link
	Pause         time.Duration // between steps, for stragglers; 0 is 50 ms
}

const (
	// linkRounds is how often what is known of all steps is said, before and after them.
	linkRounds = 5
	// linkGap is the time between rounds: longer than a common outage.
	linkGap = 30 * time.Millisecond
	// linkBody is what the bodies of a step are cut from, so that neighbours differ.
	linkBody = 1 << 17
)

// linkSender is a LinkSend under way.
type linkSender struct {
	*LinkSend
	ctx     context.Context
	run     uint64
	control *link.Writer // plan, done and end packets
	small   []byte
	reports []linkPacket // what was, by step
}

// Run plays the steps; say hears of each. Nothing tells it what arrived. A step that can't
// be sent whole is reported to the receiver as far as it went, and ends the run with its error.
func (s LinkSend) Run(ctx context.Context, say func(done, total int, line string)) (err error) {
	if len(s.Steps) == 0 || len(s.Steps) > MaxLinkSteps {
		return fmt.Errorf("%d steps: 1 to %d are possible", len(s.Steps), MaxLinkSteps)
	}
	if s.Pause == 0 {
		s.Pause = 50 * time.Millisecond
	}
	p := &linkSender{LinkSend: &s, ctx: ctx, small: make([]byte, MinLinkSize)}
	for p.run == 0 {
		p.run = rand.Uint64()
	}
	if err := p.tryAll(); err != nil {
		return err
	}
	if p.control, err = link.Dial(link.WriterConfig{Local: s.Local, Remote: s.Remote, DatagramSize: MinLinkSize, Method: link.Plain}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.control.Close()) }()
	if err := p.announce(); err != nil {
		return err
	}
	var failed error
	for i, step := range s.Steps {
		say(i, len(s.Steps), step.name())
		if failed = p.play(i); failed != nil {
			break
		}
	}
	if failed == nil {
		say(len(s.Steps), len(s.Steps), "done")
	}
	return errors.Join(failed, p.finish())
}

// tryAll checks each step and opens and closes its Writer before anything is sent, so that
// what this machine can't do is said at once.
func (p *linkSender) tryAll() error {
	for _, step := range p.Steps {
		if err := step.Check(); err != nil {
			return err
		}
		w, err := p.dial(step)
		if err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// dial opens the Writer of a step. A local port is held by the control Writer, so steps take
// another. GSO may be refused by kernel or NIC at any time: then the Writer falls back, as
// pawl-send's does, and the report of the step says so.
func (p *linkSender) dial(step LinkStep) (*link.Writer, error) {
	method := step.Method
	if method == link.GSO {
		method = link.Auto
	}
	return link.Dial(link.WriterConfig{Local: p.Local, Remote: p.Remote, DatagramSize: step.Size, SendBuffer: p.SendBuffer, GSO: true, Method: method})
}

// wait lets time pass; the error is the context's.
func (p *linkSender) wait(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

func (p *linkSender) say(packet *linkPacket) error {
	packet.put(p.small)
	_, err := p.control.Write(p.small)
	return err
}

// plan is the packet that announces a step.
func (p *linkSender) plan(i int) *linkPacket {
	return &linkPacket{kind: linkPlan, steps: len(p.Steps), step: i, plan: p.Steps[i], run: p.run}
}

// announce tells the plan of all steps, several times; it also warms the link.
func (p *linkSender) announce() error {
	for range linkRounds {
		for i := range p.Steps {
			if err := p.say(p.plan(i)); err != nil {
				return err
			}
		}
		if err := p.wait(linkGap); err != nil {
			return err
		}
	}
	return nil
}

// finish tells how all steps went, several times, and that the run is over; not even an
// interrupt keeps it from the first time.
func (p *linkSender) finish() error {
	for round := range linkRounds {
		for i := range p.Steps {
			report := p.plan(i)
			report.used = report.plan.Method
			if i < len(p.reports) {
				*report = p.reports[i]
			}
			report.kind = linkEnd
			if err := p.say(report); err != nil {
				return err
			}
		}
		if round+1 < linkRounds {
			if err := p.wait(linkGap); err != nil {
				return err
			}
		}
	}
	return nil
}

// play sends one step and tells how it went.
func (p *linkSender) play(i int) (err error) {
	w, err := p.dial(p.Steps[i])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	report := *p.plan(i)
	failed := p.pour(w, &report)
	report.kind, report.used = linkDone, link.Method(w.Method())
	p.reports = append(p.reports, report)
	if failed != nil {
		return fmt.Errorf("step %s: %w", report.plan.name(), failed)
	}
	if err := p.wait(p.Pause); err != nil { // for what is still on its way
		return err
	}
	return p.say(&report)
}

// pour sends the datagrams of a step at its rate and enters how many, how long and at what cost.
func (p *linkSender) pour(w *link.Writer, report *linkPacket) error {
	step := &report.plan
	batch := make([]byte, step.Burst*step.Size)
	body := linkBodies(step.Seed, report.step)
	probe := *report
	probe.kind = linkProbe
	wire := link.WireSize(step.Size, w.IPv6())
	pacer := link.NewPacer(step.Rate, 0)
	pacer.Lock()
	defer pacer.Unlock()
	cpu, err := cpuTime()
	if err != nil {
		return err
	}
	begun := time.Now()
	for probe.number < step.Count && err == nil {
		if p.ctx.Err() != nil {
			err = context.Cause(p.ctx)
			break
		}
		n := min(step.Burst, step.Count-probe.number)
		pacer.Wait(n * wire)
		probe.clock = time.Since(begun)
		for i := range n {
			datagram := batch[i*step.Size : (i+1)*step.Size]
			from := (probe.number * 64) % (linkBody / 2)
			copy(datagram[linkHeaderSize:], body[from:])
			probe.put(datagram)
			probe.number++
		}
		var taken int
		taken, err = w.Write(batch[:n*step.Size])
		report.number += taken
	}
	report.clock = time.Since(begun)
	after, err2 := cpuTime()
	report.cpu = after - cpu
	return errors.Join(err, err2)
}

// linkBodies is what the bodies of a step's datagrams are cut from.
func linkBodies(seed uint64, step int) []byte {
	random := rand.New(rand.NewPCG(seed, uint64(step)))
	body := make([]byte, linkBody)
	for i := range body {
		body[i] = byte(random.Uint32())
	}
	return body
}
