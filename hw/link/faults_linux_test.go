package link

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOneWay: the kernel itself keeps a Reader from sending and a Writer from hearing.
func TestOneWay(t *testing.T) {
	w, r := pair(t, addresses[0], 1472, Auto, Auto)
	if _, err := r.conn.WriteToUDPAddrPort([]byte("back"), w.LocalAddr()); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a reader's send: %v, want EPIPE", err)
	}
	other, err := net.Dial("udp4", w.remote.Addr().String()+w.LocalAddr().String()[strings.LastIndex(w.LocalAddr().String(), ":"):])
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for range 3 {
		if _, err := other.Write([]byte("back")); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Returned(); n != 3 {
		t.Errorf("returned %d, want 3", n)
	}
	err = onSocket(w.sock, "listen", func(fd int) error {
		n, _, err := unix.Recvfrom(fd, make([]byte, 10), unix.MSG_DONTWAIT)
		if !errors.Is(err, unix.EAGAIN) {
			t.Errorf("a writer heard %d octets: %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestKernelRefusesGSO uses the kernel's own refusal (EINVAL, segmentation without checksums):
// nothing is lost, the Writer goes on with sendmmsg for good, and a forced method does not.
func TestKernelRefusesGSO(t *testing.T) {
	for _, forced := range []bool{false, true} {
		w, r := pair(t, addresses[0], 1472, Auto, MMsg)
		if w.Method() != "gso" {
			t.Skipf("no GSO to refuse here: %s", w.Stats().Reason)
		}
		err := onSocket(w.sock, "no checksums", func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.forced = forced
		n, err := w.Write(make([]byte, 100*1472))
		if forced {
			if n != 0 || !errors.Is(err, unix.EINVAL) || w.Method() != "gso" {
				t.Errorf("forced: wrote %d with %s: %v", n, w.Method(), err)
			}
			continue
		}
		if err != nil || n != 100 || w.Method() != "mmsg" {
			t.Fatalf("wrote %d with %s: %v", n, w.Method(), err)
		}
		take(t, r, 100)
		if why := w.Stats().Reason; !strings.Contains(why, "invalid argument") {
			t.Errorf("reason: %q", why)
		}
	}
}

// faulty makes a Writer's system call answer as told, one entry a call, then as it is.
func faulty(w *Writer, answers ...syscall.Errno) {
	t := w.tx.(*batchTransmitter)
	t.sys = func(fd uintptr, msgs *unix.Mmsghdr, n int) (int, syscall.Errno) {
		if len(answers) == 0 {
			return sendmmsg(fd, msgs, n)
		}
		errno := answers[0]
		answers = answers[1:]
		if errno == 0 {
			return sendmmsg(fd, msgs, 1) // takes part of what it is given
		}
		return 0, errno
	}
}

// TestFaults: each answer of the kernel, in the middle of a batch, loses and doubles nothing.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		method  Method
		answers []syscall.Errno
		want    error
		sent    int
	}{
		{name: "partial", method: MMsg, answers: []syscall.Errno{0, 0, 0}, sent: 100},
		{name: "interrupted", method: MMsg, answers: []syscall.Errno{unix.EINTR, 0, unix.EINTR}, sent: 100},
		{name: "refused", method: MMsg, answers: []syscall.Errno{unix.ECONNREFUSED, 0, unix.ECONNREFUSED}, sent: 100},
		{name: "queue full", method: MMsg, answers: []syscall.Errno{0, unix.ENOBUFS, unix.ENOBUFS, unix.ENOMEM}, sent: 100},
		{name: "device down", method: MMsg, answers: []syscall.Errno{0, unix.ENETDOWN}, want: unix.ENETDOWN, sent: 1},
		{name: "too long", method: MMsg, answers: []syscall.Errno{unix.EMSGSIZE}, want: ErrMTU},
		{name: "no checksum offload", method: Auto, answers: []syscall.Errno{0, unix.EIO}, sent: 100},
		{name: "segments too long", method: Auto, answers: []syscall.Errno{unix.EMSGSIZE}, sent: 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, r := pair(t, addresses[0], 1472, c.method, MMsg)
			faulty(w, c.answers...)
			batch := make([]byte, 100*1472)
			for i := range 100 {
				batch[i*1472] = byte(i)
			}
			n, err := w.Write(batch)
			if n != c.sent || !errors.Is(err, c.want) {
				t.Fatalf("wrote %d, want %d: %v, want %v", n, c.sent, err, c.want)
			}
			for i, d := range take(t, r, n) {
				if int(d[0]) != i {
					t.Fatalf("datagram %d is number %d", i, d[0])
				}
			}
			if w.Method() != "mmsg" {
				t.Errorf("method is %s", w.Method())
			}
		})
	}
}

// TestBlocked: a send buffer or a queue that never has room is an error in bounded time, and
// the Writer goes on when there is room again.
func TestBlocked(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EAGAIN, unix.ENOBUFS} {
		t.Run(errno.Error(), func(t *testing.T) {
			w, r := pair(t, addresses[0], 1472, MMsg, MMsg)
			w.limit = 5 * time.Millisecond
			real := w.tx.(*batchTransmitter).sys
			w.tx.(*batchTransmitter).sys = func(uintptr, *unix.Mmsghdr, int) (int, syscall.Errno) { return 0, errno }
			if n, err := w.Write(make([]byte, 1472)); n != 0 || !errors.Is(err, ErrBlocked) {
				t.Fatalf("wrote %d: %v", n, err)
			}
			if w.Stats().Waits == 0 {
				t.Error("no wait was counted")
			}
			w.tx.(*batchTransmitter).sys = real
			if n, err := w.Write(make([]byte, 1472)); n != 1 || err != nil {
				t.Fatalf("then wrote %d: %v", n, err)
			}
			take(t, r, 1)
		})
	}
}

// TestDamagesGSO: Linux 7.0 to 7.1.4, as distributions spell them.
func TestDamagesGSO(t *testing.T) {
	for release, want := range map[string]bool{
		"6.18.44-fc-v657": false, "6.17.0-41-generic": false, "7.0.0": true, "7.0.2-6-pve": true, "7.0-rc1": true,
		"7.1.0": true, "7.1.4": true, "7.1.5": false, "7.1.10-1": false, "7.2.0-rc3": false, "8.0.0": false, "": false, "x.y": false,
	} {
		if damagesGSO(release) != want {
			t.Errorf("%q: %v", release, !want)
		}
	}
}

// TestSwitches: the off switch and the datagrams too large to join.
func TestSwitches(t *testing.T) {
	for _, c := range []struct {
		gso  bool
		size int
	}{{false, 1472}, {true, 40000}} {
		w, err := Dial(WriterConfig{Remote: "127.0.0.1:9", DatagramSize: c.size, GSO: c.gso})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if w.Method() != "mmsg" || w.Stats().Reason == "" {
			t.Errorf("%+v: %s, %q", c, w.Method(), w.Stats().Reason)
		}
	}
}

// FuzzSplit: the parts of a joined message are the message, all but the last of one length.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("abcdefgh"), 3)
	f.Add([]byte{}, 0)
	f.Add([]byte("abcdef"), 6)
	f.Add([]byte("abc"), -1)
	f.Fuzz(func(t *testing.T, message []byte, segment int) {
		parts := split(nil, message, segment)
		joined := []byte{}
		for i, p := range parts {
			if i < len(parts)-1 && len(p) != segment {
				t.Fatalf("part %d of %d has %d octets, not %d", i, len(parts), len(p), segment)
			}
			if segment > 0 && (len(p) > segment || len(p) == 0 && len(message) > 0) {
				t.Fatalf("part %d has %d octets of segments of %d", i, len(p), segment)
			}
			joined = append(joined, p...)
		}
		if string(joined) != string(message) {
			t.Fatal("the parts are not the message")
		}
	})
}

// TestLeavesThePoller: the socket of a Writer that sends batches waits by itself, and nobody is called for what leaves it.
func TestLeavesThePoller(t *testing.T) {
	for _, m := range []Method{MMsg, GSO} {
		w, _ := pair(t, addresses[0], 1472, m, Plain)
		err := onSocket(w.sock, "ask", func(fd int) error {
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			if err == nil && flags&unix.O_NONBLOCK != 0 {
				t.Errorf("%s: the socket does not wait", m)
			}
			limit, err2 := unix.GetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO)
			if err2 == nil && limit.Nano() != waitSlice.Nanoseconds() {
				t.Errorf("%s: it waits %v at most, want %v", m, time.Duration(limit.Nano()), waitSlice)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
