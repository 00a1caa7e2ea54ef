// Package doctor is the doctor command of both ends of the link: it finds the interfaces of the configured links, asks
// hw/nic what is wrong with them, shows it, and with --fix does what is safe.
//
//	links of the configuration ─ find the interface ─ read, judge ─ [mend, read, judge] ─ table or JSON ─ exit code
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/hw/nic"
)

// Program is what the command must know of the program that has it.
type Program struct {
	Name   string // as it is called
	Config string // default configuration file
	Side   nic.Side
	Links  func(config string) ([]nic.Link, error) // that the file configures, without their devices
}

// Report is what the doctor found out about one link.
type Report struct {
	Link     string        `json:"link"` // in words
	Side     string        `json:"side"` // "low" or "high"
	Device   string        `json:"device"`
	Hardware string        `json:"hardware"` // the device at the bottom: another one for VLAN and macvlan
	Findings []nic.Finding `json:"findings"` // worst first
	Done     []nic.Done    `json:"done"`     // what --fix did; Findings are from after it
	Before   []nic.Finding `json:"before,omitempty"`
}

// request is the command line.
type request struct {
	config, device string
	from           []string
	asJSON, fix    bool
	watch          time.Duration
}

// Command returns the doctor command of a program.
func Command(env *cli.Env, p Program) *cobra.Command {
	var r request
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what on this machine will lose packets or talks back, and mend it",
		Long: `doctor reads the interface of each configured link and the system around it: link, MTU, rings, offloads,
pause frames, queues, buffers, route, neighbour entry, IPv6, multicast, firewall and counters. It says for each
what will lose packets or what talks back, why, and the command that mends it; docs/doctor.md explains all of
them. It changes nothing without --fix. Run it as root: firewall and some counters are not shown to others.
The exit code is 1 if something loses packets or talks back.`,
		Example: fmt.Sprintf(`  %[1]s doctor -c /etc/pawl/%[1]s.toml
  %[1]s doctor --fix
  %[1]s doctor --json | jq '.[].findings[] | select(.severity == "talks_back")'`, p.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context(), env, &r) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&r.config, "config", "c", p.Config, "configuration `FILE`")
	flags.StringVar(&r.device, "device", "", "interface `NAME` to examine; default: found by the link's addresses")
	flags.BoolVar(&r.asJSON, "json", false, "print the findings as JSON")
	flags.BoolVar(&r.fix, "fix", false, "do what is safe to do, say what was done, and read everything again")
	flags.DurationVar(&r.watch, "watch", time.Second, "how long to watch the counters; 0 reads them once")
	if p.Side == nic.High {
		flags.StringSliceVar(&r.from, "from", nil, "`ADDRESS` of the sender; default: guessed from the interface's network")
	}
	return cmd
}

func (p *Program) run(ctx context.Context, env *cli.Env, r *request) error {
	if r.watch < 0 {
		return cli.Usagef("--watch %s is less than 0", r.watch)
	}
	senders, err := addresses(r.from)
	if err != nil {
		return err
	}
	links, err := p.Links(r.config)
	if err != nil {
		return err
	}
	machine, err := nic.Here()
	if err != nil {
		return err
	}
	defer machine.Close()
	var reports []Report
	for _, l := range links {
		l.Device, l.From = r.device, senders
		report, err := examine(ctx, machine, l, r)
		if errors.Is(err, nic.ErrNoDevice) {
			return fmt.Errorf("%s: %w; or name it with --device", r.config, err)
		}
		if err != nil {
			return err
		}
		reports = append(reports, *report)
	}
	if r.asJSON {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(reports)
	} else {
		err = show(env.Stdout, reports, r.fix)
	}
	return errors.Join(err, verdict(reports))
}

func addresses(texts []string) (all []netip.Addr, err error) {
	for _, text := range texts {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, cli.Usagef("--from: %w", err)
		}
		all = append(all, a.Unmap())
	}
	return all, nil
}

// examine reads and judges one link, and mends it if that is asked for.
func examine(ctx context.Context, machine *nic.Machine, l nic.Link, r *request) (*Report, error) {
	l, err := machine.Find(l)
	if err != nil {
		return nil, err
	}
	facts, err := machine.Read(ctx, l, r.watch)
	if err != nil {
		return nil, err
	}
	report := &Report{
		Link: words(&l), Side: l.Side.String(), Device: l.Device, Hardware: facts.Stack[len(facts.Stack)-1].Name,
		Findings: nic.Judge(facts), Done: []nic.Done{},
	}
	if !r.fix {
		return report, nil
	}
	if done := machine.Mend(ctx, report.Findings); done != nil {
		report.Done = done
	}
	if facts, err = machine.Read(ctx, l, r.watch); err != nil {
		return nil, fmt.Errorf("read again after mending: %w", err)
	}
	report.Before, report.Findings = report.Findings, nic.Judge(facts)
	return report, nil
}

// words describe a link.
func words(l *nic.Link) string {
	if l.Side == nic.Low {
		return fmt.Sprintf("sends to %s", netip.AddrPortFrom(l.Remote, l.Port))
	}
	return fmt.Sprintf("listens on %s", netip.AddrPortFrom(l.Local, l.Port))
}

// verdict is the error that makes the exit code 1: nil if nothing loses packets or talks back.
func verdict(reports []Report) error {
	var said []string
	for i := range reports {
		counts := map[nic.Severity]int{}
		for j := range reports[i].Findings {
			counts[reports[i].Findings[j].Severity]++
		}
		for _, s := range []nic.Severity{nic.TalksBack, nic.LosesPackets} {
			if n := counts[s]; n > 0 {
				said = append(said, fmt.Sprintf("%s: %d × %s", reports[i].Device, n, s))
			}
		}
	}
	if said == nil {
		return nil
	}
	return errors.New("doctor: " + strings.Join(said, ", "))
}
