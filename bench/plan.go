package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link"
)

// PlanSizes are the objects planned for when none is named, in octets: from a note to a
// disk.
var PlanSizes = []uint64{1, 10 << 10, 1 << 20, 10 << 20, 100 << 20, 1 << 30, 100 << 30}

// PlanScenario is what a link does and what shall cross it.
type PlanScenario struct {
	Loss       float64 // as fec.Link
	Burst      time.Duration
	BurstEvery time.Duration
	Rate       uint64 // bit/s on the wire, of each link
	Links      int    // of one kind, side by side; 0 is 1
	Survive    int    // links that may carry nothing
	MTU        int
	IPv6       bool
	Failure    float64   // of a transfer; 0 is fec.DefaultFailure
	Memory     uint64    // octets; 0 is fec.DefaultMemory
	Sizes      []uint64  // objects, in octets; none means PlanSizes
	Hand       *fec.Plan // judged in place of planning, if set
}

// PlanReport is the answer, as "pawl-bench plan --json" writes it.
type PlanReport struct {
	Loss        float64      `json:"loss"`
	Burst       float64      `json:"burst_s"`
	BurstEvery  float64      `json:"burst_every_s"` // 0: rare
	Rate        uint64       `json:"rate_bps"`      // of each link
	Links       int          `json:"links"`
	Survive     int          `json:"survive_links"`
	MTU         int          `json:"mtu"`
	SymbolSize  int          `json:"symbol_bytes"`
	WireSize    int          `json:"wire_bytes"` // of one packet
	Failure     float64      `json:"failure"`
	Assumptions []string     `json:"assumptions"`
	Objects     []PlanObject `json:"objects"`
}

// PlanObject is the plan of one object size; without a plan only Size and Error are set.
type PlanObject struct {
	Size     uint64  `json:"size_bytes"`
	Blocks   uint32  `json:"blocks,omitempty"`
	Code     string  `json:"code,omitempty"`
	K        int     `json:"k,omitempty"`
	R        int     `json:"r,omitempty"`
	Depth    int     `json:"depth,omitempty"`
	Copies   int     `json:"copies,omitempty"`
	Spacing  float64 `json:"spacing_s,omitempty"`
	Overhead float64 `json:"overhead_ratio,omitempty"`
	Memory   uint64  `json:"memory_bytes,omitempty"`
	Residual float64 `json:"residual,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// Run plans, or judges, every size. Sizes that can't be planned for carry their error and
// don't stop the others; the error of Run is about the scenario itself.
func (s PlanScenario) Run() (PlanReport, error) {
	t, err := framing.SymbolSize(s.MTU, s.IPv6)
	if err != nil {
		return PlanReport{}, fmt.Errorf("plan: %w", err)
	}
	if s.Failure == 0 {
		s.Failure = fec.DefaultFailure
	}
	s.Links = max(s.Links, 1)
	l := fec.Link{
		Loss: s.Loss, Burst: s.Burst, BurstEvery: s.BurstEvery, Rate: s.Rate,
		SymbolSize: t, WireSize: link.WireSize(t+framing.Overhead, s.IPv6),
		Failure: s.Failure, Memory: s.Memory, Survive: s.Survive,
	}
	if s.Links > 1 {
		l.Rates, l.Rate = slices.Repeat([]uint64{s.Rate}, s.Links), s.Rate*uint64(s.Links)
	}
	report := PlanReport{
		Loss: s.Loss, Burst: s.Burst.Seconds(), BurstEvery: s.BurstEvery.Seconds(), Rate: s.Rate, Links: s.Links, Survive: s.Survive,
		MTU: s.MTU, SymbolSize: t, WireSize: l.WireSize, Failure: s.Failure, Assumptions: l.Assumptions(),
	}
	if len(s.Sizes) == 0 {
		s.Sizes = PlanSizes
	}
	for _, size := range s.Sizes {
		report.Objects = append(report.Objects, planObject(l, s.Hand, size))
	}
	return report, nil
}

func planObject(l fec.Link, hand *fec.Plan, size uint64) PlanObject {
	var plan fec.Plan
	var err error
	if hand != nil {
		plan, err = l.Judge(*hand, size)
	} else {
		plan, err = l.Plan(size)
	}
	var part fec.Partition
	if err == nil {
		part, err = fec.NewPartition(size, l.SymbolSize, plan.K)
	}
	if err != nil {
		return PlanObject{Size: size, Error: err.Error()}
	}
	return PlanObject{
		Size: size, Blocks: part.Blocks(), Code: plan.Code.String(), K: plan.K, R: plan.R, Depth: plan.Depth,
		Copies: plan.Copies, Spacing: plan.Spacing.Seconds(), Overhead: plan.Overhead, Memory: plan.Memory, Residual: plan.Residual,
	}
}

// WriteTable writes the report for people.
func (r PlanReport) WriteTable(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%.4g %% loss, %s, %s%s, MTU %d\n", 100*r.Loss, r.outages(), r.links(), bits(r.Rate), r.MTU)
	fmt.Fprintf(&text, "T = %d octets, %d on the wire; failure of a transfer at most %.3g, a third of it for each of its objects\n", r.SymbolSize, r.WireSize, r.Failure)
	for _, a := range r.Assumptions {
		fmt.Fprintf(&text, "assumed: %s\n", a)
	}
	r.writeRows(&text)
	for _, o := range r.Objects {
		if o.Error != "" {
			fmt.Fprintf(&text, "\n%s: %s\n", humanize.IBytes(o.Size), o.Error)
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// writeRows writes a row for each object that has a plan.
func (r PlanReport) writeRows(text *strings.Builder) {
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "\nobject\tblocks\tcode\tK\tR\tdepth\toverhead\tmemory\tresidual\t  copies\n"
	for _, o := range r.Objects {
		if o.Error != "" {
			continue
		}
		fmt.Fprintf(table, "%s%s\t%d\t%s\t%d\t%d\t%d\t%.1f %%\t%s\t%.1e\t%s\n", head, humanize.IBytes(o.Size), o.Blocks, o.Code,
			o.K, o.R, o.Depth, 100*o.Overhead, humanize.IBytes(o.Memory), o.Residual, o.copies())
		head = ""
	}
	table.Flush() // into memory
}

func (r PlanReport) links() string {
	if r.Links == 1 {
		return ""
	}
	return fmt.Sprintf("%d links of which %d may be lost, each of ", r.Links, r.Survive)
}

func (r PlanReport) outages() string {
	switch {
	case r.Burst == 0:
		return "no outages"
	case r.BurstEvery == 0:
		return fmt.Sprintf("rare outages of %v", seconds(r.Burst))
	}
	return fmt.Sprintf("outages of %v every %v", seconds(r.Burst), seconds(r.BurstEvery))
}

func (o PlanObject) copies() string {
	if o.Copies == 1 {
		return "  1"
	}
	return fmt.Sprintf("  %d, %v apart", o.Copies, seconds(o.Spacing).Round(100*time.Microsecond))
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Microsecond)
}

func bits(rate uint64) string {
	if rate == 0 {
		return "no rate stated"
	}
	return humanize.SI(float64(rate), "bit/s")
}
