package receiver

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// replay is a Source that hands out prepared datagrams in batches and then says that the link is closed.
type replay struct{ batches [][][]byte }

func (r *replay) Read() ([][]byte, error) {
	if len(r.batches) == 0 {
		return nil, net.ErrClosed
	}
	b := r.batches[0]
	r.batches = r.batches[1:]
	return b, nil
}

func (r *replay) SetDeadline(time.Time) error { return nil }

// BenchmarkReceive takes a transfer of 64 MiB from sealed datagrams in memory to a complete folder on /dev/shm: everything
// but the kernel's network. Its CPU figure counts all goroutines.
func BenchmarkReceive(b *testing.B) {
	for _, c := range []struct {
		name string
		mode seal.Mode
		lose int // every so many packets one is lost; 0: none
	}{
		{"sealed", seal.ModeAESGCM, 0},
		{"none", seal.ModeNone, 0},
		{"sealed-1%", seal.ModeAESGCM, 100},
		{"sealed-5%", seal.ModeAESGCM, 20},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkReceive(b, c.mode, c.lose) })
	}
}

func benchmarkReceive(b *testing.B, mode seal.Mode, lose int) {
	const size = 64 << 20
	l := newLow(b, mode)
	content := make([]byte, size)
	packets := append([][]byte{l.announce()}, l.seal(l.transfer(quarantine.ID{Channel: 1, Transfer: 1}, content, fec.Leopard8, 200, 20))...)
	batches := deal(packets, lose)
	base, err := os.MkdirTemp("/dev/shm", "pawl-bench-")
	if err != nil {
		b.Skipf("needs a memory file system: %v", err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(base) })
	b.SetBytes(size)
	b.ReportAllocs()
	b.ResetTimer()
	var cpu time.Duration
	for i := range b.N {
		dir := filepath.Join(base, fmt.Sprint(i))
		store, err := quarantine.Open(dir)
		must(b, err)
		r, err := New(Config{
			Store: store, StateDir: base, Mode: mode, Key: l.to, Sender: l.key.Public(), DatagramSize: symbolSize + framing.Overhead,
			Channels: []Channel{{ID: 1, Name: "one"}},
		})
		must(b, err)
		before := processorTime(b)
		must(b, r.Run(context.Background(), &replay{batches}))
		cpu += processorTime(b) - before
		if s := r.Status(); s.Completed != 1 {
			b.Fatalf("not complete: %+v", s)
		}
		must(b, os.RemoveAll(dir))
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N)/size*1e9, "cpu-s/GB")
	b.ReportMetric(float64(len(packets)), "packets/op")
}

// deal puts packets in batches of 64 and leaves out one in so many of those between the first and the last twenty.
func deal(packets [][]byte, lose int) (batches [][][]byte) {
	var kept [][]byte
	for i, p := range packets {
		if lose == 0 || i < 20 || i > len(packets)-20 || i%lose != 0 {
			kept = append(kept, p)
		}
	}
	for len(kept) > 0 {
		n := min(64, len(kept))
		batches = append(batches, kept[:n])
		kept = kept[n:]
	}
	return batches
}

// processorTime is what this process has used, user and system.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
