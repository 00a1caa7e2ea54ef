//go:build linux

package testbed

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func up(t *testing.T, cfg Config) *Bed {
	t.Helper()
	Require(t)
	bed, err := Up(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bed.Down(); err != nil {
			t.Error(err)
		}
		for _, side := range []Side{Low, High} {
			if _, err := os.Lstat(runDir + "/" + bed.Namespace(side)); err == nil {
				t.Errorf("namespace %s is still there", bed.Namespace(side))
			}
		}
	})
	return bed
}

// listen opens a UDP socket on a side's address of link 0.
func listen(t *testing.T, bed *Bed, side Side, port uint16) (conn *net.UDPConn) {
	t.Helper()
	err := bed.Do(side, func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(bed.Address(side, 0), port)))
		if err != nil {
			return err
		}
		return option(conn, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dial opens a UDP socket that sends from a side to the other one.
func dial(t *testing.T, bed *Bed, side Side, port uint16) (conn *net.UDPConn) {
	t.Helper()
	err := bed.Do(side, func() (err error) {
		conn, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(bed.Address(1-side, 0), port)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func option(conn *net.UDPConn, level, name, value int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), level, name, value) })
	return errors.Join(err, set)
}

func counter(t *testing.T, read func() (uint64, error)) uint64 {
	t.Helper()
	n, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Sizes of the real thing at MTU 1500: the datagram fills the frame, 44 go in one send.
const (
	datagram = 1472
	segments = 44
)

// send hands count numbered datagrams to the kernel, segments at a time (UDP GSO).
func send(t *testing.T, conn *net.UDPConn, count int) {
	t.Helper()
	if err := option(conn, unix.IPPROTO_UDP, unix.UDP_SEGMENT, datagram); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, segments*datagram)
	for n := range count {
		buf = append(binary.BigEndian.AppendUint64(buf, uint64(n)), make([]byte, datagram-8)...)
		if len(buf) == cap(buf) || n == count-1 {
			// A wire tells its sender nothing: a write must not fail because packets are lost.
			if _, err := conn.Write(buf); err != nil {
				t.Fatal(err)
			}
			buf = buf[:0]
		}
	}
}

// receive reads what has arrived: the numbers of the datagrams, and how many reads it took.
// veth delivers within the sender's system call, so what is not there a moment later was lost.
func receive(t *testing.T, conn *net.UDPConn) (numbers []int, reads int) {
	t.Helper()
	buf := make([]byte, 65536)
	for {
		if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return numbers, reads
		}
		if err != nil {
			t.Fatal(err)
		}
		reads++
		for at := 0; at < n; at += datagram {
			numbers = append(numbers, int(binary.BigEndian.Uint64(buf[at:])))
		}
	}
}

func TestPacketsAreCutToTheMTU(t *testing.T) {
	const count = 100 * segments
	for name, want := range map[string]struct {
		uncut   bool
		packets uint64
	}{"wire-like": {false, count}, "uncut": {true, count / segments}} {
		t.Run(name, func(t *testing.T) {
			bed := up(t, Config{Uncut: want.uncut})
			in := listen(t, bed, High, 9000)
			if err := option(in, unix.IPPROTO_UDP, unix.UDP_GRO, 1); err != nil {
				t.Fatal(err)
			}
			send(t, dial(t, bed, Low, 9000), count)
			numbers, reads := receive(t, in)
			if len(numbers) != count {
				t.Errorf("received %d datagrams, sent %d", len(numbers), count)
			}
			if got := counter(t, bed.Delivered); got != want.packets {
				t.Errorf("%d packets on the wire, want %d", got, want.packets)
			}
			if reads > count/segments*2 {
				t.Errorf("%d reads for %d datagrams: GRO does not merge on the receiving veth", reads, count)
			}
			for counted, read := range map[string]func() (uint64, error){
				"lost": bed.Lost, "reverse": bed.ReversePackets, "overruns": bed.Overruns} {
				if n := counter(t, read); n != 0 {
					t.Errorf("%s is %d, want 0", counted, n)
				}
			}
		})
	}
}

func TestLossTakesSinglePackets(t *testing.T) {
	const count, p = 400 * segments, 0.05
	bed := up(t, Config{Loss: Loss{Random: p}})
	in, out := listen(t, bed, High, 9000), dial(t, bed, Low, 9000)
	send(t, out, count)
	numbers, _ := receive(t, in)
	lost := counter(t, bed.Lost)
	if len(numbers)+int(lost) != count {
		t.Errorf("%d received and %d lost of %d", len(numbers), lost, count)
	}
	if sigma := math.Sqrt(count * p * (1 - p)); math.Abs(float64(lost)-count*p) > 6*sigma {
		t.Errorf("lost %d of %d, more than 6 sigma from %v", lost, count, p)
	}
	longest := 0
	for i := 1; i < len(numbers); i++ {
		longest = max(longest, numbers[i]-numbers[i-1]-1)
	}
	if longest > 8 { // 0.05^9 x 17,600 is a chance of 3e-8
		t.Errorf("%d packets in a row are lost: the rule sees uncut packets", longest)
	}
	if err := bed.SetLoss(Loss{}); err != nil {
		t.Fatal(err)
	}
	send(t, out, segments)
	if numbers, _ := receive(t, in); len(numbers) != segments {
		t.Errorf("%d of %d received after the loss was taken off", len(numbers), segments)
	}
	if again := counter(t, bed.Lost); again != lost {
		t.Errorf("lost went from %d to %d without a loss", lost, again)
	}
}

// TestOutageLength compares each packet's fate with the clock that the outage
// goes by: read before and after the send, so a late scheduler spoils nothing.
func TestOutageLength(t *testing.T) {
	loss := Loss{Outage: 5 * time.Millisecond, Every: 40 * time.Millisecond}
	bed := up(t, Config{Loss: loss})
	in, out := listen(t, bed, High, 9000), dial(t, bed, Low, 9000)
	clock := func() time.Duration {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			t.Fatal(err)
		}
		return time.Duration(now.Nano())
	}
	type span struct{ before, after time.Duration }
	var sent []span
	buf := make([]byte, datagram)
	for start := clock(); clock()-start < 6*loss.Every; {
		binary.BigEndian.PutUint64(buf, uint64(len(sent)))
		s := span{before: clock()}
		if _, err := out.Write(buf); err != nil {
			t.Fatal(err)
		}
		s.after = clock()
		sent = append(sent, s)
		for clock() < s.after+20*time.Microsecond {
		}
	}
	numbers, _ := receive(t, in)
	crossed := make([]bool, len(sent))
	for _, n := range numbers {
		crossed[n] = true
	}
	var down, lastUp, longest, shortest time.Duration
	shortest = math.MaxInt64
	for n, s := range sent {
		switch before, after := s.before%loss.Every, s.after%loss.Every; {
		case before < loss.Outage && after < loss.Outage && after > before && crossed[n]:
			t.Errorf("packet %d crossed %v into the outage", n, before)
		case before >= loss.Outage && after >= before && !crossed[n]:
			t.Errorf("packet %d was lost %v after the outage began", n, before)
		}
		if crossed[n] && n > 0 && !crossed[n-1] && lastUp > 0 {
			down = s.before - lastUp
			longest, shortest = max(longest, down), min(shortest, down)
		}
		if crossed[n] {
			lastUp = s.after
		}
	}
	if int(counter(t, bed.Lost)) != len(sent)-len(numbers) {
		t.Errorf("lost counts %d, missing are %d", counter(t, bed.Lost), len(sent)-len(numbers))
	}
	if down == 0 {
		t.Error("no outage seen")
	}
	t.Logf("%d packets, %d crossed; outage asked %v, gap seen by the stream %v to %v", len(sent), len(numbers), loss.Outage, shortest, longest)
}

func TestNothingComesBack(t *testing.T) {
	bed := up(t, Config{Pairs: 2})
	low, high := listen(t, bed, Low, 9000), dial(t, bed, High, 9000)
	send(t, dial(t, bed, Low, 9999), 3) // nobody listens there: the kernel's refusal must not go out
	if n := counter(t, bed.ReversePackets); n != 0 {
		t.Fatalf("%d packets went back before any was sent", n)
	}
	try := func(want uint64) {
		t.Helper()
		// The high side's own barrier tells the sender (ENOBUFS, or nothing): either is right.
		_, _ = high.Write(make([]byte, datagram))
		if numbers, _ := receive(t, low); len(numbers) != 0 {
			t.Error("a packet crossed from high to low")
		}
		if n := counter(t, bed.ReversePackets); n != want {
			t.Errorf("%d reverse packets counted, want %d", n, want)
		}
	}
	try(1)
	if err := bed.nft(High, "flush chain netdev pawl back\n"); err != nil {
		t.Fatal(err)
	}
	try(2) // the low side's barrier stands by itself
}

// TestLinksBreak cuts one link and unplugs it: the cut is silent and counted, the unplugged
// device is an error, and a link that there is none is one.
func TestLinksBreak(t *testing.T) {
	bed := up(t, Config{Pairs: 2})
	high, low := listen(t, bed, High, 9000), dial(t, bed, Low, 9000)
	if err := bed.Cut(1); err != nil {
		t.Fatal(err)
	}
	send(t, low, 100)
	if numbers, _ := receive(t, high); len(numbers) != 100 {
		t.Errorf("%d of 100 crossed link 0 after link 1 was cut", len(numbers))
	}
	if err := bed.Cut(0); err != nil {
		t.Fatal(err)
	}
	send(t, low, 100)
	if numbers, _ := receive(t, high); len(numbers) != 0 {
		t.Errorf("%d crossed a link that was cut", len(numbers))
	}
	if n := counter(t, bed.Lost); n != 100 {
		t.Errorf("%d counted as lost, want 100", n)
	}
	if err := bed.Unplug(0); err != nil {
		t.Fatal(err)
	}
	if _, err := low.Write(make([]byte, 8)); err == nil {
		t.Error("a device that is down took a packet")
	}
	for _, err := range []error{bed.Cut(2), bed.Unplug(-1)} {
		if err == nil {
			t.Error("a link that there is none was broken")
		}
	}
}

func TestCommandRunsInside(t *testing.T) {
	bed := up(t, Config{Pairs: 2, MTU: 9000})
	for _, side := range []Side{Low, High} {
		text, err := bed.Command(side, "ip", "-o", "addr").Output()
		if err != nil {
			t.Fatal(err)
		}
		for pair := range 2 {
			if want := bed.Address(side, pair).String(); !strings.Contains(string(text), want) {
				t.Errorf("%s side has no %s:\n%s", side, want, text)
			}
		}
		link, err := bed.Command(side, "ip", "link", "show", bed.Device(side, 1)).Output()
		if err != nil || !strings.Contains(string(link), "mtu 9000") {
			t.Errorf("%s side: %v\n%s", side, err, link)
		}
	}
}

const helper = "PAWL_TESTBED_HELPER"

// TestMain lets the test binary be the process that TestSweep kills.
func TestMain(m *testing.M) {
	if os.Getenv(helper) == "" {
		os.Exit(m.Run())
	}
	bed, err := Up(Config{Loss: Loss{Outage: 1, Every: 2}})
	if err == nil {
		err = bed.Command(High, "sleep", "1000").Start()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(bed.name)
	select {}
}

func TestSweepRemovesWhatAKilledProcessLeft(t *testing.T) {
	living := up(t, Config{})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helper+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	dead := &Bed{name: lines.Text()}
	if err := errors.Join(cmd.Process.Kill(), func() error { _ = cmd.Wait(); return nil }()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(runDir + "/" + dead.Namespace(High)); err != nil {
		t.Fatalf("helper said %q: %v", dead.name, err)
	}
	pids, err := exec.Command("ip", "netns", "pids", dead.Namespace(High)).Output()
	if err != nil || len(strings.Fields(string(pids))) != 1 {
		t.Fatalf("processes left behind: %q, %v; want one", pids, err)
	}
	if err := Sweep(); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{runDir + "/" + dead.Namespace(Low), runDir + "/" + dead.Namespace(High)} {
		if _, err := os.Lstat(gone); err == nil {
			t.Errorf("%s is still there", gone)
		}
	}
	if _, err := os.Lstat(runDir + "/" + living.Namespace(Low)); err != nil {
		t.Errorf("a living bed was swept away: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, cfg := range []Config{{Pairs: -1}, {Pairs: MaxPairs + 1}, {MTU: 500}, {MTU: 70000}} {
		if _, err := Up(cfg); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("Up(%+v): %v, want it refused", cfg, err)
		}
	}
	for _, loss := range []Loss{{Random: -0.1}, {Random: 1.1}, {Random: math.NaN()},
		{Outage: 2, Every: 1}, {Outage: -1}, {Every: -1}, {Outage: 1}} {
		if err := loss.check(); err == nil {
			t.Errorf("%+v passes", loss)
		}
	}
}

type fakeT struct{ skipped, failed []any }

func (f *fakeT) Helper()           {}
func (f *fakeT) Skip(args ...any)  { f.skipped = args }
func (f *fakeT) Fatal(args ...any) { f.failed = args }

func TestRequireSkipsAtHomeAndFailsInCI(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for ci, check := range map[string]func(*fakeT) bool{
		"":     func(f *fakeT) bool { return len(f.skipped) == 1 && f.failed == nil },
		"true": func(f *fakeT) bool { return len(f.failed) == 1 && f.skipped == nil },
	} {
		t.Setenv("CI", ci)
		var f fakeT
		if Require(&f); !check(&f) {
			t.Errorf("CI=%q: skipped %v, failed %v", ci, f.skipped, f.failed)
		}
	}
}
