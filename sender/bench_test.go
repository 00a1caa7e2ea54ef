package sender

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
)

// discard is a link that takes everything for nothing.
type discard struct{ packets atomic.Uint64 }

func (d *discard) Write(batch []byte) (int, error) {
	n := len(batch) / (testT + framing.Overhead)
	d.packets.Add(uint64(n))
	return n, nil
}

// cpu is the user and system time of the process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cost states a stage's cost as reference/limits.md does: CPU seconds for 10^9 octets.
func cost(b *testing.B, size int, begin time.Duration) {
	b.SetBytes(int64(size))
	b.ReportMetric((cpu()-begin).Seconds()/(float64(size)*float64(b.N)/1e9), "cpu-s/GB")
}

const benchFile = 512 << 20

func benchForecast() fec.Link {
	return fec.Link{Loss: 0.01, Rate: 4e9, SymbolSize: testT, WireSize: link.WireSize(testT+framing.Overhead, false), Memory: 32 << 20}
}

// BenchmarkSend is the whole path but the kernel: read, hash, encode, seal, unpaced, into a
// link that discards. The bar is 4 Gbit/s (500 MB/s) on about one core, sending included.
func BenchmarkSend(b *testing.B) {
	dir := b.TempDir()
	source := filepath.Join(dir, "file")
	if err := os.WriteFile(source, []byte(noise(1, benchFile)), 0o644); err != nil {
		b.Fatal(err)
	}
	s, err := New(Config{
		State: filepath.Join(dir, "state"), Seal: seal.ModeAESGCM, Key: keys().sender, Receiver: keys().receiver.Public(),
		Link: &discard{}, Pacer: link.NewPacer(0, 0), Forecast: benchForecast(), Log: zap.NewNop(),
		Channels: []Channel{{ID: 1, Name: "bench", Folder: filepath.Join(dir, "channel"), Quiet: time.Hour}},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.ReportAllocs()
	b.ResetTimer()
	begin := cpu()
	for b.Loop() {
		f, err := s.claimer.submit(ctx, s.channels[0], source)
		if err != nil {
			b.Fatal(err)
		}
		<-f.done
		if f.state.Load().State != StateSent {
			b.Fatal(f.state.Load())
		}
	}
	cost(b, benchFile, begin)
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// benchGroup is one filled group of a large object.
func benchGroup(b *testing.B, p *pipeline) *group {
	geo, err := newPlanner(benchForecast()).object(benchFile)
	if err != nil {
		b.Fatal(err)
	}
	c, err := newCut(&record{Channel: 1, Transfer: 1, SymbolSize: testT}, framing.ObjectContent, geo)
	if err != nil {
		b.Fatal(err)
	}
	g, err := p.acquire(b.Context(), c, 0, 1)
	if err != nil {
		b.Fatal(err)
	}
	copy(g.data, noise(2, len(g.data)))
	return g
}

// BenchmarkStages states the cost of each stage by itself, per octet of content.
func BenchmarkStages(b *testing.B) {
	p := newPipeline(benchForecast())
	g := benchGroup(b, p)
	b.Run("read", func(b *testing.B) {
		path := filepath.Join(b.TempDir(), "file")
		if err := os.WriteFile(path, g.data, 0o600); err != nil {
			b.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		to := make([]byte, len(g.data))
		begin := cpu()
		for b.Loop() {
			if _, err := f.ReadAt(to, 0); err != nil && err != io.EOF {
				b.Fatal(err)
			}
		}
		cost(b, len(g.data), begin)
	})
	b.Run("hash", func(b *testing.B) {
		d, err := newDigester(nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		begin := cpu()
		for b.Loop() {
			d.take(g.data, nil)
		}
		cost(b, len(g.data), begin)
	})
	b.Run("encode", func(b *testing.B) {
		begin := cpu()
		for b.Loop() {
			if err := p.repair(g); err != nil {
				b.Fatal(err)
			}
		}
		cost(b, len(g.data), begin)
	})
	b.Run("seal", func(b *testing.B) {
		sealer, err := seal.NewSealer(seal.ModeAESGCM, keys().sender, keys().receiver.Public(), 1, 0)
		if err != nil {
			b.Fatal(err)
		}
		s := &session{sealer: sealer, opened: time.Now()}
		l := &line{
			link: &discard{}, pacer: link.NewPacer(0, 0), datagram: testT + framing.Overhead, wire: 1,
			sessions: &sessions{current: s}, counters: &lineCounters{}, log: zap.NewNop(), beat: time.Now().Add(time.Hour), announce: time.Now().Add(time.Hour),
		}
		l.prepare()
		b.ReportAllocs()
		begin := cpu()
		for b.Loop() {
			if err := l.send(b.Context(), &part{group: g}); err != nil {
				b.Fatal(err)
			}
			l.sealed = l.sealed[:0]
		}
		cost(b, len(g.data), begin)
	})
}
