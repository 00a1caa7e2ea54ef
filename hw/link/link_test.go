package link

import (
	"errors"
	"testing"
)

// TestBadConfig: what cannot work is refused when it is opened.
func TestBadConfig(t *testing.T) {
	for _, c := range []WriterConfig{
		{Remote: "127.0.0.1:9", DatagramSize: 0},
		{Remote: "127.0.0.1:9", DatagramSize: 65508},
		{Remote: "[::1]:9", DatagramSize: 65488},
	} {
		if _, err := Dial(c); !errors.Is(err, ErrSize) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []WriterConfig{
		{Remote: "127.0.0.1", DatagramSize: 1472},
		{Remote: "127.0.0.1:0", DatagramSize: 1472},
		{Remote: "", DatagramSize: 1472},
		{Remote: "127.0.0.1:9", Local: "[::1]:0", DatagramSize: 1472},
	} {
		if w, err := Dial(c); err == nil {
			w.Close()
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := Dial(WriterConfig{Remote: "127.0.0.1:9", DatagramSize: 1472, Method: GRO}); !errors.Is(err, ErrMethod) {
		t.Errorf("a writer that joins: %v", err)
	}
	if _, err := Listen(ReaderConfig{Listen: "127.0.0.1:0", DatagramSize: 1472, Method: GSO}); !errors.Is(err, ErrMethod) {
		t.Errorf("a reader that segments: %v", err)
	}
	if _, err := Listen(ReaderConfig{Listen: "127.0.0.1:0"}); !errors.Is(err, ErrSize) {
		t.Errorf("no size: %v", err)
	}
	w, _ := pair(t, addresses[0], 1472, Plain, Plain)
	if _, err := w.Write(make([]byte, 1473)); !errors.Is(err, ErrSize) {
		t.Errorf("an uneven batch: %v", err)
	}
	if n, err := w.Write(nil); n != 0 || err != nil {
		t.Errorf("an empty batch: %d, %v", n, err)
	}
}

func TestWireSize(t *testing.T) {
	for _, c := range []struct {
		datagram int
		ipv6     bool
		want     int
	}{
		{1472, false, 1538}, // a full Ethernet frame
		{1452, true, 1538},
		{8972, false, 9038},
		{0, false, 84}, // the smallest frame
		{18, false, 84},
		{19, false, 85},
	} {
		if got := WireSize(c.datagram, c.ipv6); got != c.want {
			t.Errorf("WireSize(%d, %v) = %d, want %d", c.datagram, c.ipv6, got, c.want)
		}
	}
}

func TestRemedy(t *testing.T) {
	b := Buffer{Asked: 8 << 20, Granted: 4 << 20, sysctl: "net.core.rmem_max"}
	want := "socket buffer is 4194304 of 8388608 bytes: run `sysctl -w net.core.rmem_max=8388608` or give the program CAP_NET_ADMIN"
	if b.Remedy() != want {
		t.Errorf("remedy: %s", b.Remedy())
	}
	b.Granted = b.Asked
	if b.Short() || b.Remedy() != "" {
		t.Errorf("a whole buffer needs a remedy: %q", b.Remedy())
	}
}

// TestOverflow: the kernel's counter wraps, and an old reading may follow a new one.
func TestOverflow(t *testing.T) {
	var o overflow
	for _, c := range []struct {
		see  uint32
		want uint64
	}{{5, 5}, {5, 5}, {9, 9}, {7, 9}, {1 << 31, 1 << 31}, {1<<32 - 1, 1<<32 - 1}, {3, 1<<32 + 3}, {1<<32 - 2, 1<<32 + 3}} {
		if o.see(c.see); o.total() != c.want {
			t.Fatalf("after %d the total is %d, want %d", c.see, o.total(), c.want)
		}
	}
}
