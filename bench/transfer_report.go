package bench

import (
	"fmt"
	"io"
	"time"

	"pawl/fec"
	"pawl/receiver"
	"pawl/receiver/quarantine"
	"pawl/sender"
)

// TransferReport is what a transfer showed. GB are 1e9 octets of content, CPU is user and
// system time of the program itself (the kernel's softirq work lands where it runs, mostly with the sender).
type TransferReport struct {
	Pawl         string  `json:"pawl"` // version of the program
	Machine      Machine `json:"machine"`
	Mix          Mix     `json:"mix"`
	Seed         uint64  `json:"seed"`
	ContentBytes uint64  `json:"content_bytes"`
	Files        int     `json:"files"`
	MTU          int     `json:"mtu"`
	Rate         uint64  `json:"rate_bps"` // asked of the sender, on the wire, of each link
	Links        int     `json:"links"`
	Survive      int     `json:"survive_links"`
	WasCut       bool    `json:"link_cut"`    // one of the links broke...
	CutAt        float64 `json:"link_cut_at"` // ...when this share of the content was there
	Seal         string  `json:"seal"`
	Passes       int     `json:"passes"`
	Loss         float64 `json:"loss"`
	Stated       float64 `json:"stated_loss"`
	Outage       float64 `json:"outage_s"`
	Every        float64 `json:"every_s"`
	Halves       bool    `json:"halves"`     // seen from the high side alone: speeds count from the first packet, and nothing is known of the sender
	HighDisk     bool    `json:"high_apart"` // the high side's folders lay elsewhere, on a disk
	Late         float64 `json:"late_s"`
	KilledAt     float64 `json:"receiver_killed_at"` // share of the content that was there; 0: was not killed

	Intact      bool                `json:"intact"` // every byte, name, time and executable bit is as it was sent, and nothing came back
	State       quarantine.State    `json:"state"`  // where the transfer ended
	Refused     string              `json:"refused,omitempty"`
	Differences []string            `json:"differences,omitempty"` // the first of them
	Missing     *quarantine.Missing `json:"missing,omitempty"`     // what the receiver still lacks

	Goodput    float64 `json:"goodput_bps"`  // content, from submit to whole in the inbox
	Crossing   float64 `json:"crossing_bps"` // content, from submit to complete in quarantine
	Verified   float64 `json:"verified_bps"` // content, from submit to the checks' verdict: every digest right
	CPUSend    float64 `json:"cpu_send_s_per_gb"`
	CPUReceive float64 `json:"cpu_receive_s_per_gb"`
	CPURelease float64 `json:"cpu_release_s_per_gb"`
	RSSSend    uint64  `json:"rss_send_bytes"` // peaks of the resident set
	RSSReceive uint64  `json:"rss_receive_bytes"`
	RSSRelease uint64  `json:"rss_release_bytes"`

	RepairRatio    float64               `json:"repair_ratio"`     // packets sent for a source symbol, all passes, less 1: repair symbols, plan, proof, sessions and beats
	PlannedRatio   float64               `json:"planned_ratio"`    // the planner's word for the repair of the content
	OverheadRatio  float64               `json:"overhead_ratio"`   // octets on the wire for an octet of content, all passes: 1 would be none
	PacketsSent    uint64                `json:"packets_sent"`     // by pawl-send
	PacketsGivenUp uint64                `json:"packets_given_up"` // not sent, because their link was down
	PacketsLost    uint64                `json:"packets_lost"`     // taken by the link's loss
	PacketsMissed  uint64                `json:"packets_missed"`   // packet numbers that pawl-receive's last run never saw
	KernelDrops    uint64                `json:"kernel_drops"`     // at pawl-receive's socket
	Overruns       uint64                `json:"overruns"`         // dropped between the namespaces because the machine did not keep up
	ReversePackets uint64                `json:"reverse_packets"`
	Ledger         receiver.LedgerReport `json:"ledger"` // of pawl-receive's last run
	Balanced       bool                  `json:"ledger_balanced"`
}

func newTransferReport(s *TransferScenario, machine Machine) *TransferReport {
	return &TransferReport{
		Pawl: s.Version, Machine: machine, HighDisk: s.High != "",
		Mix: s.Mix, Seed: s.Seed, MTU: s.MTU, Rate: s.Rate, Links: s.Links, Survive: s.Survive, Seal: s.Seal, Passes: s.Passes, Loss: s.Loss.Random, Stated: *s.Stated,
		Outage: s.Loss.Outage.Seconds(), Every: s.Loss.Every.Seconds(), Late: s.Late.Seconds(),
	}
}

// countPrograms enters what the programs took and counted.
func (r *TransferReport) countPrograms(g *rig, low sender.Status, high receiver.Status) {
	gb := max(float64(r.ContentBytes), 1) / 1e9
	for _, p := range []struct {
		name string
		cpu  *float64
		rss  *uint64
	}{{"pawl-send", &r.CPUSend, &r.RSSSend}, {"pawl-receive", &r.CPUReceive, &r.RSSReceive}, {"pawl-release", &r.CPURelease, &r.RSSRelease}} {
		u := g.used(p.name)
		*p.cpu, *p.rss = u.cpu.Seconds()/gb, u.peak
	}
	r.PacketsSent = low.Packets
	for _, l := range low.Links {
		r.PacketsGivenUp += l.GivenUp
	}
	r.OverheadRatio = float64(low.WireBytes) / max(float64(r.ContentBytes), 1)
	r.PacketsMissed, r.KernelDrops = high.PacketsLost, high.KernelDrops
	r.Ledger, r.Balanced = high.Ledger, high.Ledger.Balanced()
}

// overheads enters what redundancy cost, and what the planner said it would, for the content as it is.
func (r *TransferReport) overheads(forecast fec.Link) error {
	symbols := float64((r.ContentBytes+uint64(forecast.SymbolSize)-1)/uint64(forecast.SymbolSize)) * float64(r.Passes)
	if symbols == 0 {
		return nil
	}
	r.RepairRatio = float64(r.PacketsSent+r.PacketsGivenUp)/symbols - 1
	plan, err := forecast.Plan(r.ContentBytes)
	if err != nil {
		return fmt.Errorf("the planner's word: %w", err)
	}
	r.PlannedRatio = plan.Overhead
	return nil
}

// times are the moments of a transfer, of one clock; zero: it did not come to that.
type times struct {
	begun    time.Time // the file was submitted
	crossed  time.Time // complete in quarantine
	verified time.Time // the checks had read everything and said yes
	arrived  time.Time // whole in the inbox
}

// time enters the speeds; a time that never came leaves its speed at 0.
func (r *TransferReport) time(t *times) {
	speed := func(end time.Time) float64 {
		if end.IsZero() || t.begun.IsZero() {
			return 0
		}
		return float64(r.ContentBytes) * 8 / end.Sub(t.begun).Seconds()
	}
	r.Goodput, r.Crossing, r.Verified = speed(t.arrived), speed(t.crossed), speed(t.verified)
}

// WriteText writes the report for people.
func (r *TransferReport) WriteText(w io.Writer) error {
	verdict := "INTACT"
	if !r.Intact {
		verdict = "NOT INTACT"
	}
	text := fmt.Sprintf("%s: %d files, %.1f MB of %s, %s, loss %.3g %%, %d links, state %s\n",
		verdict, r.Files, float64(r.ContentBytes)/1e6, r.Mix, r.Seal, 100*r.Loss, r.Links, r.State)
	text += fmt.Sprintf("  goodput    %.2f Gbit/s to the inbox; %.2f to digests verified, %.2f to complete in quarantine\n", r.Goodput/1e9, r.Verified/1e9, r.Crossing/1e9)
	if r.Halves {
		text += fmt.Sprintf("  cpu s/GB   receive %.2f, release %.2f\n  peak MiB   receive %d, release %d\n  packets    %d missed, %d dropped at the socket\n",
			r.CPUReceive, r.CPURelease, r.RSSReceive>>20, r.RSSRelease>>20, r.PacketsMissed, r.KernelDrops)
	} else {
		text += fmt.Sprintf(`  overhead   %.1f %% more packets than source symbols (planned %.1f %%), %.1f %% more octets on the wire than content
  cpu s/GB   send %.2f, receive %.2f, release %.2f
  peak MiB   send %d, receive %d, release %d
  packets    %d sent, %d lost on the link, %d given up, %d dropped at the socket, %d overrun, %d came back
`, 100*r.RepairRatio, 100*r.PlannedRatio, 100*(r.OverheadRatio-1), r.CPUSend, r.CPUReceive, r.CPURelease, r.RSSSend>>20, r.RSSReceive>>20, r.RSSRelease>>20,
			r.PacketsSent, r.PacketsLost, r.PacketsGivenUp, r.KernelDrops, r.Overruns, r.ReversePackets)
	}
	for _, line := range r.Differences {
		text += "  " + line + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
