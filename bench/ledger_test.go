package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/hw/testbed"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
	"pawl/sender"
)

// ledgerRun is a link with loss, duplicates, forged packets and a receiver that is stopped until its kernel has dropped, with
// the counters of the high side's namespace as the account that the ledgers are held against.
type ledgerRun struct {
	t   *testing.T
	rig *rig
	bed *testbed.Bed
	was netCounters
}

// netCounters are what the kernel counts in the high side's namespace: the interface's, and by another count IP's, which sees what NAPI
// has joined as one with its octets.
type netCounters struct{ frames, octets, ipPackets, ipOctets uint64 }

// payload is the UDP payload in all frames: a veth counts what is behind the Ethernet header, 20 octets of IPv4 and 8 of UDP.
func (c netCounters) payload() uint64 { return c.octets - 28*c.frames }

// ipPayload is the same by IP's count.
func (c netCounters) ipPayload() uint64 { return c.ipOctets - 28*c.ipPackets }

func (c netCounters) since(was netCounters) netCounters {
	return netCounters{c.frames - was.frames, c.octets - was.octets, c.ipPackets - was.ipPackets, c.ipOctets - was.ipOctets}
}

// counters reads them.
func (l *ledgerRun) counters() (c netCounters) {
	l.t.Helper()
	err := l.bed.Do(testbed.High, func() error {
		dev, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(dev)) {
			if name, rest, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == l.bed.Device(testbed.High, 0) {
				f := strings.Fields(rest)
				c.octets, c.frames = number(f[0]), number(f[1])
			}
		}
		for file, of := range map[string]struct {
			table, column string
			into          *uint64
		}{"snmp": {"Ip:", "InReceives", &c.ipPackets}, "netstat": {"IpExt:", "InOctets", &c.ipOctets}} {
			text, err := os.ReadFile("/proc/thread-self/net/" + file)
			if err != nil {
				return err
			}
			var head []string
			for line := range strings.Lines(string(text)) {
				f := strings.Fields(line)
				switch {
				case f[0] != of.table:
				case head == nil:
					head = f
				default:
					for i, column := range head {
						if column == of.column {
							*of.into = number(f[i])
						}
					}
				}
			}
		}
		return nil
	})
	if err != nil || c.ipOctets == 0 && c.frames > 0 {
		l.t.Fatal(c, err)
	}
	return c
}

func number(text string) uint64 {
	n, _ := strconv.ParseUint(text, 10, 64) // 0 fails the test that it is for
	return n
}

func (l *ledgerRun) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// forge sends packets of the magic and nothing else that is right, of the link's size or of any.
func (l *ledgerRun) forge(to netip.AddrPort, count int, anySize bool, random *rand.Rand) {
	l.t.Helper()
	var out net.Conn
	l.must(l.bed.Do(testbed.Low, func() (err error) {
		out, err = net.Dial("udp", to.String())
		return err
	}))
	defer out.Close()
	packet := make([]byte, 1472)
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for n := range count {
		for i := range packet {
			packet[i] = byte(random.Uint32())
		}
		if n%2 == 0 {
			copy(packet, "PWL1")
		}
		size := len(packet)
		if anySize && n%50 > 1 { // the others are refused for their size: two of fifty, one with the magic, are looked into
			size = 1 + random.IntN(len(packet))
		}
		if n%10 == 0 {
			<-pace.C // ten in a millisecond: the veth's queue has room for 256
		}
		_, err := out.Write(packet[:size])
		l.must(err)
	}
}

// send drops a file and waits until both its passes have left.
func (l *ledgerRun) send(ctx context.Context, name string, size int, meanwhile func()) {
	l.t.Helper()
	l.must(os.WriteFile(l.rig.source(name), noisy(uint64(size), size), 0o644))
	l.must(os.Rename(l.rig.source(name), l.rig.low("channel", "outbox", name)))
	busy := func(want bool) func() (bool, error) {
		return func() (bool, error) {
			s, err := sender.AskStatus(ctx, l.rig.socket())
			return err == nil && (s.Queue > 0) == want, err
		}
	}
	l.must(await(ctx, "the file to be taken", l.rig.running(), busy(true)))
	meanwhile()
	l.must(await(ctx, "the file to be sent", l.rig.running(), busy(false)))
}

// overflow stops the receiver until more has arrived than its socket holds.
func (l *ledgerRun) overflow(ctx context.Context) {
	l.t.Helper()
	process := l.rig.receive.cmd.Process
	l.must(process.Signal(syscall.SIGSTOP))
	before := l.counters().frames
	l.must(errors.Join(await(ctx, "the kernel to have dropped", []*program{l.rig.send}, func() (bool, error) {
		return l.counters().frames > before+3000, nil
	}), process.Signal(syscall.SIGCONT)))
}

// quiet ends the sender and waits until pawl-receive's account is that of the interface.
func (l *ledgerRun) quiet(ctx context.Context, seen netCounters) {
	l.t.Helper()
	_, err := l.rig.send.stop()
	l.rig.send = nil
	l.must(err)
	l.must(await(ctx, "an account that has settled", l.rig.running(), func() (bool, error) {
		s, err := quarantine.ReadSituation(l.rig.high("quarantine"))
		return err == nil && s.Account != nil && s.Account.Settled && s.Account.Frames == l.counters().since(seen).frames, err
	}))
}

// learned waits until pawl-receive knows from beats what the interface counts beside payload: it learns that from frames of which none was dropped, and
// of a run whose first frames are the test's overflow nobody could know it.
func (l *ledgerRun) learned(ctx context.Context) {
	l.t.Helper()
	l.must(await(ctx, "what the interface counts beside payload to be known", l.rig.running(), func() (bool, error) {
		s, err := quarantine.ReadSituation(l.rig.high("quarantine"))
		return err == nil && s.Account != nil && s.Account.Settled && s.Account.Blind == "", err
	}))
}

// key reads the public key of a log.
func (l *ledgerRun) key(file string) merkle.Public {
	l.t.Helper()
	text, err := os.ReadFile(file)
	l.must(err)
	key, err := merkle.ParsePublic(string(text))
	l.must(err)
	return key
}

// witnessed holds the low side's log, which nobody set up, against what the high side heard of it.
func (l *ledgerRun) witnessed() {
	l.t.Helper()
	low, key := os.DirFS(l.rig.low("state", "audit")), l.key(l.rig.low("state", "audit.key.pub"))
	s, err := audit.VerifyLow(low, key, nil)
	l.must(err)
	heard, err := audit.Witnessed(os.DirFS(l.rig.high("audit")), l.key(l.rig.high("audit.key.pub")), nil)
	l.must(err)
	l.must(audit.Bears(low, key, heard))
	if len(heard) < 2 || s.Kinds["transfer"] != 4 || s.Kinds["start"] != 2 || s.Kinds["stop"] != 2 {
		l.t.Errorf("the low side's log has %v, the high side heard %d checkpoints of it", s.Kinds, len(heard))
	}
}

// ledgers verifies the audit log and gives its byte ledgers.
func (l *ledgerRun) ledgers() (all []*audit.Ledger) {
	l.t.Helper()
	key := l.key(l.rig.high("audit.key.pub"))
	_, err := audit.Verify(os.DirFS(l.rig.high("audit")), key, nil, func(_ int64, e *audit.Entry) error {
		if e.Ledger != nil {
			all = append(all, e.Ledger)
		}
		return nil
	})
	l.must(err)
	return all
}

// TestLedgerBalancesToTheByte: after a run of the real programs with 1 % loss, each packet twice, 10,000 forged ones, a forced overflow
// of the kernel and restarts of both high-side programs, the ledgers in the audit log have every octet that the interface counted in
// exactly one column.
func TestLedgerBalancesToTheByte(t *testing.T) {
	testbed.Require(t)
	for _, method := range []string{"mmsg", "gro"} {
		t.Run(method, func(t *testing.T) { playLedger(t, method) })
	}
}

func playLedger(t *testing.T, method string) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	dir, err := workFolder("")
	if err != nil {
		t.Fatal(err)
	}
	bed, err := testbed.Up(testbed.Config{Loss: testbed.Loss{Random: 0.01}})
	if err != nil {
		t.Fatal(err, os.RemoveAll(dir))
	}
	to := netip.AddrPortFrom(bed.Address(testbed.High, 0), port)
	l := &ledgerRun{t: t, bed: bed, rig: &rig{dir: dir, programs: programs(t), command: bed.Command, settings: settings{
		remote: to, listen: to, mtu: 1500, rate: 200e6, loss: 0.03, seal: "aes-256-gcm", passes: 2, burst: 5 * time.Millisecond, burstEvery: time.Second}}}
	r := l.rig
	defer func() { l.must(errors.Join(r.stop(), bed.Down(), os.RemoveAll(dir))) }()
	l.must(r.prepare())
	l.must(os.Mkdir(r.high("audit"), 0o700))
	if out, err := exec.Command(filepath.Join(r.programs, "pawl-key"), "audit", "-o", r.high("audit.key"), "--name", "example.org/high").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	replace(t, r.high("pawl-release.toml"), "off = true", fmt.Sprintf("folder = %q\nkey = %q", r.high("audit"), r.high("audit.key")))
	replace(t, r.high("pawl-receive.toml"), "[link]\n", fmt.Sprintf("[link]\nmethod = %q\nreceive_buffer = \"256KiB\"\n", method))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)

	l.was = l.counters()
	l.must(r.startReceive(ctx))
	l.must(r.startRelease())
	l.must(r.startSend(ctx))
	l.learned(ctx)
	l.send(ctx, "first", 30<<20, func() {
		l.forge(to, 10_000, method == "gro", rand.New(rand.NewPCG(seed, 1)))
		l.overflow(ctx)
	})
	l.quiet(ctx, l.was)
	first := l.counters()
	for _, p := range []**program{&r.release, &r.receive} { // both are begun anew while nothing is on the way
		_, err := (*p).stop()
		*p = nil
		l.must(err)
	}
	l.must(r.startReceive(ctx))
	l.must(r.startRelease())
	l.must(r.startSend(ctx))
	l.learned(ctx)
	l.send(ctx, "second", 2<<20, func() {})
	l.quiet(ctx, first)
	now := l.counters().since(l.was)
	l.must(r.stop())
	l.witnessed()

	var sum audit.Ledger
	sum.Rejected = map[string]uint64{}
	for _, d := range l.ledgers() {
		t.Logf("%s %s to %s: received %d = delivered %d + repair %d + duplicate %d + control %d + rejected %v + dropped %d + off %d; drops %d, strays %d, gaps %v", d.Day,
			d.From.Format(time.TimeOnly), d.To.Format(time.TimeOnly), d.Received, d.Delivered, d.Repair, d.Duplicate, d.Control, d.Rejected, d.Dropped, d.Off, d.Drops, d.Strays, d.Gaps)
		if d.Off != 0 || d.Unknown != "" || d.Unsettled || d.Strays != 0 || d.Missed != 0 {
			t.Errorf("ledger of %s: %+v", d.Day, d)
		}
		sum.Received, sum.Delivered, sum.Repair = sum.Received+d.Received, sum.Delivered+d.Delivered, sum.Repair+d.Repair
		sum.Duplicate, sum.Control, sum.Dropped, sum.Drops = sum.Duplicate+d.Duplicate, sum.Control+d.Control, sum.Dropped+d.Dropped, sum.Drops+d.Drops
		for reason, n := range d.Rejected {
			sum.Rejected[reason] += n
		}
	}
	t.Logf("the interface took %d frames with %d octets of payload; by IP's count %d octets", now.frames, now.payload(), now.ipPayload())
	if sum.Received != now.payload() || sum.Received != now.ipPayload() || sum.Difference() != 0 {
		t.Errorf("the ledgers have %d octets, %d in no column; the interface had %d, IP %d", sum.Received, sum.Difference(), now.payload(), now.ipPayload())
	}
	for name, n := range map[string]uint64{"delivered": sum.Delivered, "repair": sum.Repair, "duplicate": sum.Duplicate, "control": sum.Control, "dropped": sum.Dropped, "magic": sum.Rejected["magic"]} {
		if n == 0 {
			t.Errorf("nothing was %s", name)
		}
	}
	if exact := sum.Drops * 1472; method == "mmsg" && sum.Dropped != exact {
		t.Errorf("the socket dropped %d datagrams of 1472 octets, the ledger has %d octets dropped", sum.Drops, sum.Dropped)
	}
	if method == "gro" && sum.Dropped < sum.Drops {
		t.Errorf("%d drops, and %d octets dropped", sum.Drops, sum.Dropped)
	}
}

// replace changes a text in a file, which must be there.
func replace(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(text, []byte(from)) {
		t.Fatalf("%s has no %q: %v\n%s", file, from, err, text)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}
