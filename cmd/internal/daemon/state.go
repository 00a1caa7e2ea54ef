package daemon

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/metrics"
)

// state is what is asked of the daemon from beside its loop: health, metrics, notice.
type state struct {
	mu       sync.Mutex
	families []metrics.Family[state]
	core     Core // nil between two
	dead     bool // as last said
	started  time.Time
	refused  error     // why the last reload was refused
	taken    time.Time // when the configuration in use was read
	reloads  uint64
	refusals uint64
	healthy  bool // as it is while it is collected
}

func (s *state) begin(program string) {
	s.started = time.Now()
	s.taken = s.started
	s.families = Families(program)
}

func (s *state) set(core Core) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.core = core
}

func (s *state) running() Core {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.core
}

// sick notes what the probe said, and returns what it said before.
func (s *state) sick(err error) (was bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, s.dead = s.dead, err != nil
	return was
}

// reloaded notes how a reload ended.
func (s *state) reloaded(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = err
	if err != nil {
		s.refusals++
		return
	}
	s.reloads++
	s.taken = time.Now()
}

// notice is what a person should know, in one line.
func (s *state) notice() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused == nil {
		return ""
	}
	first, _, _ := strings.Cut(s.refused.Error(), "\n")
	return "the changed configuration was refused, the one before is in use: " + first
}

// health is the answer of /healthz.
func (s *state) health() metrics.Health {
	h := metrics.Health{Healthy: true}
	if core := s.running(); core == nil {
		h.Reasons = []string{"not running: starting, or between two configurations"}
	} else if err := core.Alive(time.Now()); err != nil {
		h.Reasons = []string{err.Error()}
	}
	h.Healthy = len(h.Reasons) == 0
	if notice := s.notice(); notice != "" {
		h.Notes = []string{notice}
	}
	if n, ok := s.running().(Noter); ok {
		h.Notes = append(h.Notes, n.Notes()...)
	}
	return h
}

// Describe says nothing: what is collected is decided when it is asked for.
func (s *state) Describe(chan<- *prometheus.Desc) {}

// Collect gives the metrics of the frame and of the core.
func (s *state) Collect(out chan<- prometheus.Metric) {
	health := s.health()
	s.mu.Lock()
	now := state{started: s.started, refused: s.refused, taken: s.taken, reloads: s.reloads, refusals: s.refusals, healthy: health.Healthy}
	s.mu.Unlock()
	metrics.Collect(s.families, &now, out)
	if core := s.running(); core != nil {
		core.Collect(out)
	}
}

// seconds is a time as Prometheus has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// Families are the metrics that every daemon has, for the page of a program such as "pawl-send".
func Families(program string) []metrics.Family[state] {
	prefix := strings.ReplaceAll(program, "-", "_")
	return []metrics.Family[state]{
		{Name: prefix + "_build_info", Help: "1; the label says which version runs.", Labels: []string{"version"},
			Read: func(_ *state, emit metrics.Emit) { emit(1, cli.Version()) }},
		metrics.Value(prefix+"_start_time_seconds", "When the program started, seconds since 1970.", func(s *state) float64 { return seconds(s.started) }),
		metrics.Value(prefix+"_healthy", "1 while /healthz answers 200.", func(s *state) float64 { return metrics.Bool(s.healthy) }),
		metrics.Value(prefix+"_config_read_time_seconds", "When the configuration in use was read, seconds since 1970.", func(s *state) float64 { return seconds(s.taken) }),
		metrics.Value(prefix+"_config_last_reload_successful", "0 if the last reload was refused: the configuration before it is in use.", func(s *state) float64 { return metrics.Bool(s.refused == nil) }),
		metrics.Value(prefix+"_config_reloads_total", "Reloads that were taken.", func(s *state) float64 { return float64(s.reloads) }),
		metrics.Value(prefix+"_config_refusals_total", "Reloads that were refused.", func(s *state) float64 { return float64(s.refusals) }),
	}
}
