package link

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkLoopback sends and receives, in one goroutine, what each method makes of 88
// datagrams at once; the figure to read is ns/packet of both ends together. Loopback hands
// joined datagrams over uncut, which no wire does: it flatters gso and gro.
func BenchmarkLoopback(b *testing.B) {
	for _, size := range []int{1472, 8960} {
		for i := range writeMethods {
			wm, rm := writeMethods[i], readMethods[i]
			b.Run(fmt.Sprintf("%s-%s-%d", wm, rm, size), func(b *testing.B) {
				const count = 88
				w, r := pair(b, addresses[0], size, wm, rm)
				if err := r.SetDeadline(time.Time{}); err != nil {
					b.Fatal(err)
				}
				batch := make([]byte, count*size)
				b.SetBytes(int64(len(batch)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := w.Write(batch); err != nil {
						b.Fatal(err)
					}
					for got := 0; got < count; {
						d, err := r.Read()
						if err != nil {
							b.Fatal(err)
						}
						got += len(d)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/packet")
			})
		}
	}
}

// BenchmarkWrite is the writer's half alone, to a port where nobody listens.
func BenchmarkWrite(b *testing.B) {
	for _, wm := range writeMethods {
		b.Run(string(wm), func(b *testing.B) {
			const size, count = 1472, 88
			w, r := pair(b, addresses[0], size, wm, Plain)
			r.Close()
			batch := make([]byte, count*size)
			b.SetBytes(int64(len(batch)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/packet")
		})
	}
}

// BenchmarkPacer lets 44 full Ethernet frames pass at a time and reports the error of the
// rate and the CPU the thread took. The bar (reference/limits.md 2) is 0.12 % with sleeps.
func BenchmarkPacer(b *testing.B) {
	for _, rate := range []uint64{100e6, 1e9, 2.5e9, 5e9} {
		for _, spin := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dMbit/spin=%v", rate/1e6, spin), func(b *testing.B) {
				p := NewPacer(rate, 0)
				p.Spin(spin)
				p.Lock()
				defer p.Unlock()
				octets := 44 * WireSize(1472, false)
				p.Wait(octets)
				cpu := threadTime()
				start := time.Now()
				n := 0
				for b.Loop() {
					p.Wait(octets)
					n++
				}
				took := time.Since(start)
				got := float64(n*octets) * 8 / took.Seconds()
				b.ReportMetric(100*(got/float64(rate)-1), "rate-error-%")
				b.ReportMetric(100*(threadTime()-cpu).Seconds()/took.Seconds(), "cpu-%")
				b.ReportMetric(100*p.Forgiven().Seconds()/took.Seconds(), "forgiven-%")
			})
		}
	}
}

// BenchmarkPacerBusy paces 2.5 Gbit/s while two goroutines compute, on as many Ps as they
// are and on two more, with the default burst and with one of 1 ms.
func BenchmarkPacerBusy(b *testing.B) {
	const rate, busy = 2.5e9, 2
	for _, procs := range []int{busy, busy + 2} {
		for _, burst := range []int{0, rate / 8 / 1000} {
			b.Run(fmt.Sprintf("procs=%d/burst=%d", procs, burst), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				var stop atomic.Bool
				var work sync.WaitGroup
				defer work.Wait()
				defer stop.Store(true)
				for range busy {
					work.Go(func() {
						for !stop.Load() {
						}
					})
				}
				p := NewPacer(rate, burst)
				p.Lock()
				defer p.Unlock()
				octets, n := 44*WireSize(1472, false), 0
				start := time.Now()
				for b.Loop() {
					p.Wait(octets)
					n++
				}
				b.ReportMetric(100*(float64(n*octets)*8/time.Since(start).Seconds()/rate-1), "rate-error-%")
			})
		}
	}
}
