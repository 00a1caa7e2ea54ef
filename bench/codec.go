package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"time"

	"pawl/fec"
)

// Geometry is one shape of source block.
type Geometry struct {
	Code fec.Code
	K, R int // source and repair symbols
	T    int // octets of a symbol
}

// String is the geometry as rows of results name it.
func (g Geometry) String() string { return fmt.Sprintf("%v/k=%d/r=%d/t=%d", g.Code, g.K, g.R, g.T) }

// CodecGeometries are measured when none is named: what the planner chooses for common
// links, and what else each code is good for, at the symbols of MTU 1500 and 9000.
func CodecGeometries() (all []Geometry) {
	for _, t := range []int{1408, 8896} {
		all = append(all,
			Geometry{fec.Leopard8, 200, 20, t}, Geometry{fec.Leopard8, 240, 16, t}, Geometry{fec.Leopard8, 224, 32, t}, Geometry{fec.Leopard8, 128, 64, t},
			Geometry{fec.Leopard16, 1000, 50, t}, Geometry{fec.Leopard16, 4000, 360, t},
			Geometry{fec.Classic, 32, 4, t}, Geometry{fec.Classic, 200, 20, t})
	}
	return all
}

// CodecScenario measures the erasure codes on one core, each in every geometry.
type CodecScenario struct {
	Geometries []Geometry    // none: CodecGeometries
	Seed       uint64        // of content and losses
	Samples    int           // of each figure; 0 is 5
	Time       time.Duration // of work in a sample, at least; 0 is 100 ms
}

// ErrCodec says that a code rebuilt something else than what was encoded.
var ErrCodec = errors.New("the code rebuilt other bytes")

const (
	// codecMemory is what the blocks of a measurement fill, so that they come from memory as they do in life, and not
	// from the last level of cache.
	codecMemory = 64 << 20
	// codecPatterns are the different losses that a measurement goes through: enough that no cache of inverted
	// matrices answers, which only a link that always loses the same packets would enjoy.
	codecPatterns = 61
)

// Run measures; say hears of each geometry before it is measured.
func (s CodecScenario) Run(ctx context.Context, version string, say func(done, total int, line string)) (*Result, error) {
	if len(s.Geometries) == 0 {
		s.Geometries = CodecGeometries()
	}
	if s.Samples == 0 {
		s.Samples = 5
	}
	if s.Time == 0 {
		s.Time = 100 * time.Millisecond
	}
	result, err := NewResult(version, KindCodec)
	if err != nil {
		return nil, err
	}
	result.Settings["seed"] = strconv.FormatUint(s.Seed, 10)
	result.Settings["samples"] = strconv.Itoa(s.Samples)
	result.Settings["time"] = s.Time.String()
	runtime.LockOSThread() // see cpuTime
	defer runtime.UnlockOSThread()
	tables, err := tablesOf(s.Geometries)
	if err != nil {
		return nil, err
	}
	for i, g := range s.Geometries {
		say(i, len(s.Geometries), g.String())
		row, err := s.measure(ctx, g)
		if err != nil {
			return nil, fmt.Errorf("codec %v: %w", g, err)
		}
		row.Values["tables_memory_bytes"] = tables[g.Code]
		result.Rows = append(result.Rows, row)
	}
	say(len(s.Geometries), len(s.Geometries), "done")
	return result, nil
}

// tablesOf measures what the first codec of each code adds to the process, which happens once.
func tablesOf(all []Geometry) (map[fec.Code]float64, error) {
	tables := map[fec.Code]float64{}
	for _, g := range all {
		if _, known := tables[g.Code]; known {
			continue
		}
		before := heapInUse()
		small, err := newCodecBench(Geometry{g.Code, 2, 1, 64}, 0)
		if err == nil {
			err = small.prove()
		}
		if err != nil {
			return nil, fmt.Errorf("codec %v: %w", g.Code, err)
		}
		tables[g.Code] = heapInUse() - before
		runtime.KeepAlive(small)
	}
	return tables, nil
}

// heapInUse is the live heap in octets.
func heapInUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

func (s *CodecScenario) measure(ctx context.Context, g Geometry) (Row, error) {
	row := NewRow(g.String())
	b, err := newCodecBench(g, s.Seed)
	if err != nil {
		return row, err
	}
	few := b.few()
	for metric, value := range map[string]int{"k": g.K, "r": g.R, "t": g.T, "few_symbols": few, "max_symbols": min(g.R, g.K)} {
		row.Values[metric] = float64(value)
	}
	if err := b.prove(); err != nil {
		return row, err
	}
	row.Values["codec_memory_bytes"] = max(b.retained, 0)
	row.Values["block_memory_bytes"] = float64((g.K + g.R) * g.T)
	for range s.Samples { // in turns, so that a slow moment of the machine does not fall on one figure only
		for _, w := range []struct {
			name string
			lost int // -1: encode
		}{{"encode", -1}, {"rebuild_none", 0}, {"rebuild_few", few}, {"rebuild_max", min(g.R, g.K)}} {
			if ctx.Err() != nil {
				return row, context.Cause(ctx)
			}
			speed, allocated, err := b.sample(w.lost, s.Time)
			if err != nil {
				return row, fmt.Errorf("%s: %w", w.name, err)
			}
			row.Sample(w.name+"_gb_per_cpu_s", speed)
			row.Sample(w.name+"_allocated_bytes", allocated)
		}
	}
	return row, nil
}

// codecRandom is the source of everything random in the codec scenario.
func codecRandom(g Geometry, seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(g.Code)<<48|uint64(g.K)<<32|uint64(g.R)<<16|uint64(g.T)))
}
