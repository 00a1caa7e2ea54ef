package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pawl/hw/testbed"
	"pawl/receiver/quarantine"
	"pawl/sender"
)

// port is the UDP port of the link in every bench.
const port = 4600

// transfer is a scenario that is being played.
type transfer struct {
	*TransferScenario
	rig    *rig
	bed    *testbed.Bed
	say    func(string)
	name   string // of the one entry that crosses
	sent   survey
	report *TransferReport

	ballast *ballast
	times   times
}

// Run plays the scenario; say gets a line now and then for whoever watches. It needs root
// (see testbed.Available). A transfer that does not arrive is no error: the report says so.
func (s TransferScenario) Run(ctx context.Context, say func(string)) (report *TransferReport, err error) {
	if err := s.defaults(); err != nil {
		return nil, err
	}
	if err := testbed.Available(); err != nil {
		return nil, err
	}
	if err := testbed.Sweep(); err != nil {
		return nil, err
	}
	bed, err := testbed.Up(testbed.Config{Pairs: s.Links, MTU: s.MTU, Loss: s.Loss, Uncut: s.Uncut})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.Down()) }()
	dir, highDir, clear, err := s.folders(say)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, clear()) }()
	machine, err := ReadMachine()
	if err != nil {
		return nil, err
	}
	ends := make([]netip.AddrPort, s.Links)
	for pair := range ends {
		ends[pair] = netip.AddrPortFrom(bed.Address(testbed.High, pair), port)
	}
	t := &transfer{TransferScenario: &s, bed: bed, say: say, report: newTransferReport(&s, machine), rig: &rig{
		dir: dir, highDir: highDir, programs: s.Programs, command: bed.Command,
		settings: settings{
			remote: ends[0], listen: ends[0], more: ends[1:], survive: s.Survive,
			mtu: s.MTU, rate: s.Rate, loss: *s.Stated, burst: s.Loss.Outage, burstEvery: s.Loss.Every,
			seal: s.Seal, passes: s.Passes, passGap: s.PassGap,
		}}}
	defer func() { err = errors.Join(err, t.rig.stop(), t.ballast.drop()) }()
	if err := t.play(ctx); err != nil {
		return nil, err
	}
	return t.report, nil
}

func (t *transfer) play(ctx context.Context) (err error) {
	if err := t.rig.prepare(); err != nil {
		return err
	}
	t.say(fmt.Sprintf("making %s (seed %d)", t.Mix, t.Seed))
	if t.name, err = t.Mix.make(t.rig.source(""), t.Size, t.Seed); err != nil {
		return err
	}
	if t.sent, err = takeSurvey(t.rig.source(t.name)); err != nil {
		return err
	}
	t.report.ContentBytes, t.report.Files = t.sent.content()
	ctx, cancel := context.WithTimeout(ctx, t.timeout())
	defer cancel()
	if err := t.cross(ctx); err != nil {
		return err
	}
	if err := t.account(ctx); err != nil {
		return err
	}
	return t.compare()
}

func (t *transfer) timeout() time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	wire := time.Duration(float64(t.report.ContentBytes) * 8 / float64(t.Rate) * float64(time.Second))
	return time.Minute + t.Late + time.Duration(t.Passes)*(10*wire+t.PassGap)
}

// cross starts the programs, submits the file and waits for its end on both sides.
func (t *transfer) cross(ctx context.Context) (err error) {
	if err := t.rig.startSend(ctx); err != nil {
		return err
	}
	if t.Late == 0 {
		if err := t.rig.startReceive(ctx); err != nil {
			return err
		}
	}
	if err := t.rig.startRelease(); err != nil {
		return err
	}
	// What the quarantine, the inbox and the programs take from now on.
	if t.ballast, err = load(2*t.report.ContentBytes + 128<<20); err != nil {
		return err
	}
	t.say(fmt.Sprintf("submitting %s: %d octets in %d files", t.name, t.report.ContentBytes, t.report.Files))
	t.times.begun = time.Now()
	err = sender.Submit(ctx, t.rig.socket(), sender.Request{Channel: channelName, Paths: []string{t.rig.source(t.name)}}, t.answered)
	if err != nil || t.report.Refused != "" {
		return err
	}
	if err := t.startLate(ctx); err != nil {
		return err
	}
	if err := t.cutMidway(ctx); err != nil {
		return err
	}
	if err := t.killMidway(ctx); err != nil {
		return err
	}
	if err := t.follow(ctx); err != nil {
		return err
	}
	// Copies and further passes still cost: the account is made when the sender has no more to do.
	return await(ctx, "pawl-send to finish", t.rig.running(), func() (bool, error) { return t.senderIdle(ctx) })
}

func (t *transfer) answered(p sender.Progress) {
	if p.State.Final() && p.State != sender.StateSent {
		t.report.Refused = string(p.State) + ": " + p.Error
	}
}

func (t *transfer) senderIdle(ctx context.Context) (bool, error) {
	s, err := sender.AskStatus(ctx, t.rig.socket())
	return s.Queue == 0, err
}

// startLate starts a receiver that was to come late, when its time has come.
func (t *transfer) startLate(ctx context.Context) error {
	if t.Late == 0 {
		return nil
	}
	select {
	case <-time.After(t.Late):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	t.say(fmt.Sprintf("starting pawl-receive, %v late", t.Late))
	return t.rig.startReceive(ctx)
}

// follow waits until the transfer is whole in the inbox, or for good somewhere else.
func (t *transfer) follow(ctx context.Context) error {
	looked := time.Now()
	return await(ctx, "the transfer", t.rig.running(), func() (bool, error) {
		if _, err := os.Lstat(t.rig.inbox(t.name)); err == nil {
			t.times.arrived = time.Now()
			if t.times.crossed.IsZero() {
				t.times.crossed = t.times.arrived
			}
			t.report.State = quarantine.Released
			return true, nil
		}
		state, id, err := t.rig.stands()
		if err != nil {
			return false, err
		}
		t.report.State = state
		switch state {
		case quarantine.Complete, quarantine.Checking, quarantine.Held, quarantine.Released:
			if t.times.crossed.IsZero() {
				t.times.crossed = time.Now()
				t.say("complete in quarantine after " + t.times.crossed.Sub(t.times.begun).Round(time.Millisecond).String())
			}
		case quarantine.Rejected:
			return true, nil
		case quarantine.Incomplete, "":
			if time.Since(looked) < time.Second || state == "" && time.Since(t.times.begun) < t.Late+2*idle {
				return false, nil
			}
			looked = time.Now()
			done, err := t.senderIdle(ctx)
			if err != nil || !done || state == "" {
				return done, err // a further pass may complete it
			}
			return true, t.noteMissing(id)
		}
		return false, nil
	})
}

// noteMissing copies the receiver's list of what did not arrive into the report.
func (t *transfer) noteMissing(id quarantine.ID) error {
	text, err := os.ReadFile(t.rig.high("quarantine", string(quarantine.Incomplete), id.String(), quarantine.MissingFile))
	if err != nil {
		return err
	}
	t.report.Missing = new(quarantine.Missing)
	return json.Unmarshal(text, t.report.Missing)
}

// account stops the programs and gathers everybody's counters.
func (t *transfer) account(ctx context.Context) error {
	low, err := sender.AskStatus(ctx, t.rig.socket())
	if err != nil {
		return err
	}
	if err := t.rig.stop(); err != nil {
		return err
	}
	high, err := t.rig.receiveStatus()
	if err != nil {
		return err
	}
	high.KernelDrops += t.rig.dropped
	r := t.report
	r.countPrograms(t.rig, low, high)
	for _, counter := range []struct {
		into *uint64
		read func() (uint64, error)
	}{{&r.PacketsLost, t.bed.Lost}, {&r.ReversePackets, t.bed.ReversePackets}, {&r.Overruns, t.bed.Overruns}} {
		if *counter.into, err = counter.read(); err != nil {
			return err
		}
	}
	if err := t.rig.moments(&t.times); err != nil {
		return err
	}
	r.time(&t.times)
	return r.overheads(t.rig.forecast())
}

// maxDifferences bounds what a report lists: the first ones say what is wrong.
const maxDifferences = 20

// compare reads what arrived from end to end and holds it against what was sent.
func (t *transfer) compare() error {
	if t.times.arrived.IsZero() {
		t.report.Differences = []string{"nothing arrived in the inbox"}
		return nil
	}
	t.say("comparing")
	inbox, err := os.ReadDir(t.rig.high("inbox"))
	if err != nil {
		return err
	}
	arrived, err := takeSurvey(t.rig.inbox(t.name))
	if err != nil {
		return err
	}
	lines := t.sent.differences(arrived)
	for _, entry := range inbox {
		if entry.Name() != t.name {
			lines = append(lines, fmt.Sprintf("%q lies in the inbox and was never sent", filepath.Join("inbox", entry.Name())))
		}
	}
	slices.Sort(lines)
	t.report.Intact = len(lines) == 0 && t.report.ReversePackets == 0
	t.report.Differences = lines[:min(len(lines), maxDifferences)]
	return nil
}
