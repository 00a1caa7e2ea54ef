package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"pawl/framing"
	"pawl/hw/link"
	"pawl/hw/testbed"
	"pawl/sender"
)

// HostileScenario is a transfer by the real programs over loopback while somebody on the line, who has no keys, throws
// packets at the receiver: random ones, and copies of real ones with one bit turned over.
type HostileScenario struct {
	Count    uint64 // packets of each of the two kinds; 0 is a million
	Seed     uint64
	Programs string // folder of the programs; "" is that of this executable
}

// HostileReport says what came of it.
type HostileReport struct {
	Intact         bool              `json:"intact"` // the transfer arrived, byte for byte
	Seed           uint64            `json:"seed"`
	Random         uint64            `json:"random_packets"`
	Flipped        uint64            `json:"flipped_packets"`
	Rejected       uint64            `json:"rejected_packets"` // in the receiver's ledger
	Reasons        map[string]uint64 `json:"rejected_by_reason"`
	KernelDrops    uint64            `json:"kernel_drops"` // these the receiver never saw
	LedgerBalanced bool              `json:"ledger_balanced"`
	EarlyRSS       uint64            `json:"early_rss_bytes"` // peak after a tenth of the hostile packets
	FinalRSS       uint64            `json:"final_rss_bytes"` // peak at the end
	CPUPerPacket   float64           `json:"cpu_receive_us_per_packet"`
}

// All says whether every hostile packet that reached the receiver is in a reject column, and nothing else is.
func (r *HostileReport) All() bool {
	return r.KernelDrops == 0 && r.Rejected == r.Random+r.Flipped && r.LedgerBalanced
}

const (
	hostileSize = 16 << 20
	// hostileEach is how many packets of each kind follow a real one where the file's size is free.
	hostileEach = 40
	// hostilePace is how many hostile packets there are in a second: one processor passes them on and another takes them.
	hostilePace = 100e3
)

// fouling follows each packet with hostile ones.
type fouling struct {
	most            uint64 // of each kind
	each            int
	random, flipped atomic.Uint64
}

// follow sends the hostile packets that belong to one real packet.
func (f *fouling) follow(packet []byte, out *net.UDPConn, random *rand.Rand) {
	noise := make([]byte, len(packet)+64)
	for range f.each {
		if f.flipped.Load() >= f.most {
			return
		}
		at, bit := random.IntN(len(packet)), byte(1)<<random.IntN(8)
		packet[at] ^= bit
		if _, err := out.Write(packet); err == nil {
			f.flipped.Add(1)
		}
		packet[at] ^= bit
		size := len(packet)
		if random.IntN(4) == 0 {
			size = random.IntN(len(noise))
		}
		for i := 0; i < size; i += 8 {
			word := random.Uint64()
			for j := i; j < min(i+8, size); j++ {
				noise[j] = byte(word >> (8 * (j - i)))
			}
		}
		if size > framing.HeaderSize && random.IntN(2) == 0 { // further than the first check
			copy(noise, packet[:4])
		}
		if _, err := out.Write(noise[:size]); err == nil {
			f.random.Add(1)
		}
	}
}

// Run plays the scenario; say gets a line now and then.
func (s HostileScenario) Run(ctx context.Context, say func(string)) (report *HostileReport, err error) {
	if s.Count == 0 {
		s.Count = 1e6
	}
	if s.Programs == "" {
		s.Programs, err = programsBeside()
	} else {
		err = checkPrograms(s.Programs)
	}
	if err != nil {
		return nil, err
	}
	dir, err := workFolder("")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	// Each real packet brings 2 x each hostile ones; what a small count needs is a small file.
	size := min(hostileSize, max(s.Count/hostileEach*1408, 1<<20))
	foul := &fouling{most: s.Count, each: int(s.Count*1408/size) + 1}
	rate := hostilePace / float64(2*foul.each) * float64(link.WireSize(1472, false)) * 8
	wire, err := startRelay(listen, 0, foul, s.Seed)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, wire.Close()) }()
	r := &rig{dir: dir, programs: s.Programs, settings: settings{
		remote: wire.address(), listen: listen, mtu: 1500, rate: uint64(rate), loss: 0.01, seal: "aes-256-gcm", passes: 1,
	}}
	r.command = func(_ testbed.Side, name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }
	defer func() { err = errors.Join(err, r.stop()) }()
	return s.play(ctx, r, foul, size, say)
}

func (s *HostileScenario) play(ctx context.Context, r *rig, foul *fouling, size uint64, say func(string)) (*HostileReport, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute+time.Duration(s.Count)*100*time.Microsecond)
	defer cancel()
	if err := r.prepare(); err != nil {
		return nil, err
	}
	name, err := MixRandom.make(r.source(""), size, s.Seed)
	if err != nil {
		return nil, err
	}
	sent, err := takeSurvey(r.source(name))
	if err != nil {
		return nil, err
	}
	for _, start := range []func() error{
		func() error { return r.startReceive(ctx) }, func() error { return r.startSend(ctx) }, r.startRelease,
	} {
		if err := start(); err != nil {
			return nil, err
		}
	}
	say(fmt.Sprintf("%d random and %d flipped packets beside a transfer of %d octets (seed %d)", s.Count, s.Count, size, s.Seed))
	refused := ""
	err = sender.Submit(ctx, r.socket(), sender.Request{Channel: channelName, Paths: []string{r.source(name)}}, func(p sender.Progress) { refused = p.Error })
	if err != nil || refused != "" {
		return nil, errors.Join(err, fmt.Errorf("submit: %s", refused))
	}
	report := &HostileReport{Seed: s.Seed}
	err = await(ctx, "the transfer and all hostile packets", r.running(), func() (bool, error) {
		random := foul.random.Load()
		if report.EarlyRSS == 0 && random >= s.Count/10 {
			if report.EarlyRSS, err = peakMemory(r.receive.cmd.Process.Pid); err != nil {
				return false, err
			}
		}
		_, err := os.Lstat(r.inbox(name))
		return err == nil && random >= s.Count && foul.flipped.Load() >= s.Count, nil
	})
	if err != nil {
		return nil, err
	}
	report.Random, report.Flipped = foul.random.Load(), foul.flipped.Load()
	return report, s.account(r, sent, name, report)
}

// account stops the programs and reads the receiver's ledger.
func (s *HostileScenario) account(r *rig, sent survey, name string, report *HostileReport) error {
	if err := r.stop(); err != nil {
		return err
	}
	status, err := r.receiveStatus()
	if err != nil {
		return err
	}
	report.Reasons = map[string]uint64{}
	for reason, count := range status.Ledger.Rejected {
		report.Reasons[reason] = count.Packets
		report.Rejected += count.Packets
	}
	report.KernelDrops, report.LedgerBalanced = status.KernelDrops, status.Ledger.Balanced()
	used := r.used("pawl-receive")
	report.FinalRSS = used.peak
	report.CPUPerPacket = used.cpu.Seconds() * 1e6 / float64(status.Ledger.Received.Packets)
	arrived, err := takeSurvey(r.inbox(name))
	if err != nil {
		return err
	}
	report.Intact = len(sent.differences(arrived)) == 0
	return nil
}
