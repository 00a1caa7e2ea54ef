package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"pawl/hw/testbed"
	"pawl/sender"
)

// TransferSend is the low half of the transfer scenario: it runs pawl-send and submits one transfer after another.
type TransferSend struct {
	Remote   netip.AddrPort // of the high half
	Keys     string         // folder with sender.key and receiver.key.pub
	Mix      Mix            // "" is MixRandom
	Size     uint64         // octets; 0 is the mix's own
	Seed     uint64         // of the first transfer's content; each further one has the next
	MTU      int            // 0 is 1500
	Rate     uint64         // bit/s on the wire; 0 is 1e9
	Loss     testbed.Loss   // as told to the sender's planner
	Seal     string         // "" is "aes-256-gcm"
	Passes   int            // 0 is 1
	PassGap  time.Duration
	Repeat   int           // transfers; 0 is 5
	Warm     time.Duration // from pawl-send's start to the first transfer; 0 is 1 s: links lose their first packets
	Pause    time.Duration // after each transfer; 0 is 1 s
	Programs string        // folder of the programs; "" is that of this executable
	Work     string        // where to make the work folder; "" is /dev/shm, or else the folder for temporary files

	command func(side testbed.Side, name string, args ...string) *exec.Cmd // nil: here
}

func (s *TransferSend) defaults() (err error) {
	if s.Mix == "" {
		s.Mix = MixRandom
	}
	if s.MTU == 0 {
		s.MTU = 1500
	}
	if s.Rate == 0 {
		s.Rate = 1e9
	}
	if s.Seal == "" {
		s.Seal = sealed
	}
	if s.Passes == 0 {
		s.Passes = 1
	}
	if s.Repeat == 0 {
		s.Repeat = 5
	}
	if s.Warm == 0 {
		s.Warm = time.Second
	}
	if s.Pause == 0 {
		s.Pause = time.Second
	}
	if s.command == nil {
		s.command = here
	}
	if s.Repeat > MaxRepeat {
		return fmt.Errorf("%w: %d transfers, at most %d", ErrScenario, s.Repeat, MaxRepeat)
	}
	if s.Programs == "" {
		s.Programs, err = programsBeside()
		return err
	}
	return checkPrograms(s.Programs)
}

// Run sends all transfers and returns what they took on this side, one row. say hears of each. Whether they arrived nobody here can know.
func (s TransferSend) Run(ctx context.Context, version string, say func(line string)) (result *Result, err error) {
	if err := s.defaults(); err != nil {
		return nil, err
	}
	if result, err = NewResult(version, KindTransfer); err != nil {
		return nil, err
	}
	dir, err := workFolder(s.Work)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &rig{dir: dir, keys: s.Keys, programs: s.Programs, command: s.command, settings: settings{
		remote: s.Remote, listen: s.Remote, mtu: s.MTU, rate: s.Rate, loss: s.Loss.Random, burst: s.Loss.Outage, burstEvery: s.Loss.Every,
		seal: s.Seal, passes: s.Passes, passGap: s.PassGap,
	}}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if err := r.startSend(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	report := s.report()
	run := fmt.Sprintf("%016x", rand.Uint64())
	for n := 1; n <= s.Repeat; n++ {
		if err := s.rest(ctx, r, max(s.Pause, s.Warm)); err != nil {
			return nil, err
		}
		if err := s.send(ctx, r, run, n, report, say); err != nil {
			return nil, fmt.Errorf("transfer %d of %d: %w", n, s.Repeat, err)
		}
	}
	low, err := sender.AskStatus(ctx, r.socket())
	if err != nil {
		return nil, err
	}
	// What the last copies and the beat after them say must leave before the sender goes.
	if err := s.rest(ctx, r, s.Pause); err != nil {
		return nil, err
	}
	if err := r.stop(); err != nil {
		return nil, err
	}
	row := NewRow(report.Case() + "/low")
	used, gb := r.used("pawl-send"), max(float64(report.ContentBytes), 1)*float64(s.Repeat)/1e9
	row.Values["transfers"], row.Values["content_bytes"], row.Values["mtu"] = float64(s.Repeat), float64(report.ContentBytes), float64(s.MTU)
	row.Sample("cpu_send_s_per_gb", used.cpu.Seconds()/gb)
	row.Sample("rss_send_bytes", float64(used.peak))
	row.Sample("packets_sent", float64(low.Packets))
	row.Sample("overhead_ratio", float64(low.WireBytes)/(1e9*gb))
	result.Settings["run"], result.Settings["seed"], result.Settings["remote"] = run, fmt.Sprint(s.Seed), s.Remote.String()
	result.Rows = append(result.Rows, row)
	return result, nil
}

// report is what is known of the transfers here.
func (s *TransferSend) report() *TransferReport {
	return &TransferReport{
		Mix: s.Mix, Seed: s.Seed, MTU: s.MTU, Rate: s.Rate, Links: 1, Seal: s.Seal, Passes: s.Passes, Loss: s.Loss.Random, Stated: s.Loss.Random,
		Outage: s.Loss.Outage.Seconds(), Every: s.Loss.Every.Seconds(), Halves: true,
	}
}

// rest lets time pass while the sender beats.
func (s *TransferSend) rest(ctx context.Context, r *rig, d time.Duration) error {
	until := time.Now().Add(d)
	return await(ctx, "the next transfer", r.running(), func() (bool, error) { return !time.Now().Before(until), nil })
}

// send makes one transfer with what it says of itself, submits it and waits until the sender has no more to do for it.
func (s *TransferSend) send(ctx context.Context, r *rig, run string, n int, report *TransferReport, say func(string)) error {
	name := fmt.Sprintf("%s-%04d", run, n)
	top := r.source(name)
	content := filepath.Join(top, contentFolder)
	if err := os.MkdirAll(content, 0o755); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(top) }() // the work folder goes in any case
	seed := s.Seed + uint64(n) - 1
	if _, err := s.Mix.make(content, s.Size, seed); err != nil {
		return err
	}
	found, err := takeSurvey(content)
	if err != nil {
		return err
	}
	told := &statement{
		Run: run, Number: n, Of: s.Repeat, Mix: s.Mix, Seed: seed, MTU: s.MTU, Rate: s.Rate, Seal: s.Seal, Passes: s.Passes, Stated: s.Loss.Random,
		Outage: s.Loss.Outage.Seconds(), Every: s.Loss.Every.Seconds(),
	}
	told.state(found)
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(top, statementFile), text, 0o644); err != nil {
		return err
	}
	octets, files := found.content()
	report.ContentBytes, report.Files = octets, files
	say(fmt.Sprintf("transfer %d of %d: %d octets in %d files", n, s.Repeat, octets, files))
	var refused error
	err = sender.Submit(ctx, r.socket(), sender.Request{Channel: channelName, Paths: []string{top}}, func(p sender.Progress) {
		if p.State.Final() && p.State != sender.StateSent {
			refused = fmt.Errorf("%s: %s", p.State, p.Error)
		}
	})
	if err := errors.Join(err, refused); err != nil {
		return err
	}
	return await(ctx, "pawl-send to finish", r.running(), func() (bool, error) {
		st, err := sender.AskStatus(ctx, r.socket())
		return st.Queue == 0, err
	})
}
