package framing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// endlessPlan makes the octets of a plan with files in directories of 1000,
// item by item, so that a test of a large plan holds none of it.
type endlessPlan struct {
	files, made uint64
	buffer      bytes.Buffer
	t           testing.TB
}

// newEndlessPlan returns a plan of the top and files files of one octet, with
// the directories they are in.
func newEndlessPlan(t testing.TB, files uint64) *endlessPlan {
	p := &endlessPlan{files: files, t: t}
	dirs := (files + 999) / 1000
	head, err := AppendPlanHead(nil, &PlanHead{
		Channel: 1, Transfer: 1, Created: 1, Name: "top", Entries: 1 + dirs + files, Content: files,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.buffer.Write(head)
	p.entry(&Entry{Path: "top", Dir: true})
	return p
}

func (p *endlessPlan) entry(e *Entry) {
	item, err := AppendEntry(p.buffer.AvailableBuffer(), e)
	if err != nil {
		p.t.Fatal(err)
	}
	p.buffer.Write(item)
}

func (p *endlessPlan) Read(b []byte) (int, error) {
	for p.buffer.Len() < len(b) && p.made < p.files {
		if p.made%1000 == 0 {
			p.entry(&Entry{Path: fmt.Sprintf("top/directory-%06d", p.made/1000), Dir: true, ModTime: 1_760_000_000_000_000_000})
		}
		p.entry(&Entry{
			Path: fmt.Sprintf("top/directory-%06d/some-source-file-%03d.go", p.made/1000, p.made%1000),
			Size: 1, ModTime: 1_760_000_000_123_456_789, Exec: p.made%7 == 0,
		})
		p.made++
	}
	return p.buffer.Read(b)
}

// readPlan reads a whole plan and returns its entries' number.
func readPlan(r io.Reader, lim PlanLimits) (uint64, error) {
	p, err := NewPlanReader(r, lim)
	if err != nil {
		return 0, err
	}
	for n := uint64(0); ; n++ {
		if _, err := p.Next(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// heapMeter reads from r and remembers the largest live heap it saw.
type heapMeter struct {
	r       io.Reader
	reads   int
	largest uint64
}

func (m *heapMeter) Read(b []byte) (int, error) {
	if m.reads%100 == 0 {
		m.largest = max(m.largest, liveHeap())
	}
	m.reads++
	return m.r.Read(b)
}

func liveHeap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestPlanMillionEntriesInConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads a million entries")
	}
	before := liveHeap()
	meter := &heapMeter{r: newEndlessPlan(t, 1_000_000)}
	n, err := readPlan(meter, PlanLimits{})
	if err != nil || n != 1_001_001 {
		t.Fatalf("read %d entries: %v", n, err)
	}
	if meter.reads < 1000 || meter.largest > before+1<<20 {
		t.Errorf("live heap grew from %d to %d octets in %d reads", before, meter.largest, meter.reads)
	}
}

func BenchmarkPlanRead(b *testing.B) {
	const files = 100_000
	plan, err := io.ReadAll(newEndlessPlan(b, files))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(plan)))
	for b.Loop() {
		if _, err := readPlan(bytes.NewReader(plan), PlanLimits{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(files*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkPlanAppend(b *testing.B) {
	e := Entry{Path: "top/directory-000001/some-source-file-001.go", Size: 1234, ModTime: 1_760_000_000_123_456_789}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buffer, err = AppendEntry(buffer[:0], &e); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPlanReaderPassesOnItsReadersError(t *testing.T) {
	broken := errors.New("disk is gone")
	plan, err := io.ReadAll(newEndlessPlan(t, 300))
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 1, 30, len(plan) / 2, len(plan) - 1} {
		_, err := readPlan(io.MultiReader(bytes.NewReader(plan[:cut]), errorReader{broken}), PlanLimits{})
		if !errors.Is(err, broken) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }
