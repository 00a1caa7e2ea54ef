package sender

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/hw/link"
	"pawl/hw/watch"
)

// watchReal is what the program gives as Config.Watch.
func watchReal(ctx context.Context, folder string, events chan<- Event) error {
	f, err := watch.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.Close() })
	defer stop()
	events <- Event{}
	for {
		e, err := f.Next()
		if err != nil {
			return nil
		}
		select {
		case events <- Event{Name: e.Name, Moved: e.Kind == watch.Moved, Closed: e.Kind == watch.Closed, Created: e.Kind == watch.Created}:
		case <-ctx.Done():
			return nil
		}
	}
}

// BenchmarkRenamed is the time from the rename of a file of 1 KiB into the outbox to its first
// content symbol on the link, with the disk's real syncs.
func BenchmarkRenamed(b *testing.B) {
	t := &testing.T{}
	dir := b.TempDir()
	arrived := make(chan time.Time, 64)
	c := newCatcher(t)
	c.seen = func(h framing.Header) error {
		if h.Object == framing.ObjectContent && h.ESI == 0 {
			select {
			case arrived <- time.Now():
			default:
			}
		}
		return nil
	}
	cfg := testConfig(dir, c)
	cfg.Pacer, cfg.Watch, cfg.Forecast.Rate = link.NewPacer(1e9, 0), watchReal, 1e9
	cfg.Forecast.Burst = 0
	s, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for s.Status().Packets < 2*announcements { // begun
		runtime.Gosched()
	}
	var all []time.Duration
	for i := range b.N {
		at := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(at, make([]byte, 1024), 0o644); err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		if err := os.Rename(at, filepath.Join(dir, "docs/outbox", fmt.Sprint(i))); err != nil {
			b.Fatal(err)
		}
		all = append(all, (<-arrived).Sub(begin))
		for s.Status().Queue > 0 {
			time.Sleep(time.Millisecond) // its copies are spaced in time
		}
		for len(arrived) > 0 {
			<-arrived
		}
	}
	cancel()
	<-ended
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1e3, "ms-median")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1e3, "ms-p99")
}

// BenchmarkManyFiles is how long 100,000 files of 1 KiB in 100 folders take from the first
// look to the last plan, for each way to group, and the memory of it; 2000 where each file is
// a transfer.
func BenchmarkManyFiles(b *testing.B) {
	const folders, files = 100, 1000
	for _, group := range []Group{GroupTop, GroupQuiet, GroupFile} {
		b.Run(group.String(), func(b *testing.B) {
			n := files
			if group == GroupFile {
				n = files / 50 // a record each
			}
			for range b.N {
				b.StopTimer()
				dir := b.TempDir()
				for i := range folders {
					folder := filepath.Join(dir, "docs/outbox", fmt.Sprint(i))
					if err := os.MkdirAll(folder, 0o755); err != nil {
						b.Fatal(err)
					}
					for j := range n {
						if err := os.WriteFile(filepath.Join(folder, fmt.Sprint(j)), make([]byte, 1024), 0o644); err != nil {
							b.Fatal(err)
						}
					}
				}
				cfg := testConfig(dir, newCatcher(&testing.T{}))
				cfg.Channels[0].Intake = Intake{Group: group, Complete: CompleteQuiet}
				cfg.Channels[0].Quiet = time.Millisecond
				s, err := New(cfg)
				if err != nil {
					b.Fatal(err)
				}
				o := newOutbox(s.channels[0], nil, func(*channel) bool { return false }, s.claimer.claim, zap.NewNop())
				b.StartTimer()
				for i := range 4 {
					if _, err := o.look(b.Context(), time.Now().Add(time.Duration(i)*time.Second)); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				if left := s.Status(); left.QueueSize != folders*uint64(n)*1024 {
					b.Fatalf("%d octets are queued", left.QueueSize)
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-sys")
				b.ReportMetric(float64(folders*n*b.N)/b.Elapsed().Seconds(), "files/s")
				s.lock.Close()
			}
		})
	}
}
