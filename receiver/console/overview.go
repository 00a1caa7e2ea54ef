package console

import (
	"time"

	"pawl/hw/web"
	"pawl/receiver/quarantine"
)

// overview is the first page.
type overview struct {
	States     []stateCount `json:"states"`
	Receiving  bool         `json:"receiving"`         // pawl-receive runs
	Said       *time.Time   `json:"said,omitempty"`    // when it last said something; absent: never
	SilentFor  float64      `json:"silent_for_s"`      // seconds since then
	Fault      web.Words    `json:"fault"`             // why what it says can't be read
	Warnings   []web.Words  `json:"warnings"`          // of pawl-receive
	Disk       bool         `json:"disk_trouble"`      // the quarantine's disk refuses what arrives
	Rate       float64      `json:"rate_bytes_s"`      // received in the last ten seconds
	Loss       float64      `json:"loss"`              // part of the packets that were lost in the last minute, 0 to 1
	Planned    float64      `json:"loss_planned"`      // what the low side says it plans for, 0 to 1; 0: unknown
	Rebuilt    uint64       `json:"rebuilt"`           // blocks that needed repair symbols in the last minute
	Margin     *float64     `json:"fec_margin"`        // of the block that was closest to being lost lately: repair symbols left of those it was sent, 0 to 1; null: unknown
	Arriving   []arriving   `json:"arriving"`          // of the person's channels
	More       int          `json:"arriving_more"`     // further ones on all channels
	LowSide    *lowSide     `json:"low_side"`          // null: never heard
	PacketLost uint64       `json:"packets_lost"`      // since pawl-receive started
	Kernel     uint64       `json:"kernel_drops"`      // of them in this machine's socket buffers
	Waiting    int          `json:"waiting_for_you"`   // held transfers of channels the person may approve for
	Indexed    bool         `json:"index_is_complete"` // all folders were listed
	AuditFault string       `json:"audit_fault"`       // why the audit log could not be written the last time that somebody came or went
	Mute       string       `json:"you_can_only_look"` // why, after a log-in by passphrase; "": it is not so
}

type stateCount struct {
	State quarantine.State `json:"state"`
	Count int              `json:"count"`
}

// arriving is a transfer on its way in.
type arriving struct {
	ID      string    `json:"id"`
	Channel string    `json:"channel"`
	Name    web.Words `json:"name"` // none until its plan has come
	Begun   time.Time `json:"begun"`
	Length  uint64    `json:"length"` // octets, 0 while unknown
	Done    float64   `json:"done"`   // 0 to 1
	Rate    float64   `json:"rate_bytes_s"`
	Left    float64   `json:"seconds_left"` // at that rate; 0: unknown
	Silent  float64   `json:"silent_for_s"`
}

// lowSide is the low side as last heard: all but Ago is its word.
type lowSide struct {
	Ago     float64   `json:"heard_ago_s"`
	Version web.Words `json:"version"`
	Uptime  float64   `json:"uptime_s"`
	Queue   uint64    `json:"queue"` // transfers
	Waiting uint64    `json:"queue_bytes"`
	Oldest  float64   `json:"oldest_s"`
	Sent    uint64    `json:"sent"` // transfers
	Aborted uint64    `json:"aborted"`
	Refused uint64    `json:"refused"`
	Rate    uint64    `json:"rate_bps"`
	Loss    float64   `json:"loss"`
	Burst   float64   `json:"burst_s"`
	Room    uint64    `json:"room_bytes"`
	Fault   web.Words `json:"fault"` // its last error
	FaultS  float64   `json:"fault_ago_s"`
}

// Windows of the overview, in samples of a second.
const (
	rateOver = 10
	lossOver = 60
)

func (c *Console) overview(q *request) (any, error) {
	now := c.link.view(lossOver)
	l := c.index.now.Load()
	o := overview{Warnings: []web.Words{}, Arriving: []arriving{}, Indexed: l.ready}
	counts := l.counts(c.mine(q.s, anyone))
	for _, st := range quarantine.States() {
		o.States = append(o.States, stateCount{st, counts[st]})
	}
	o.Waiting = l.counts(c.mine(q.s, deciders))[quarantine.Held]
	if err := c.visits.trouble(); err != nil {
		o.AuditFault = web.Say(err.Error(), shownText).Text()
	}
	if q.s.unlogged {
		o.Mute = q.s.mute()
	}
	if now.fault != nil {
		o.Fault = web.Say(now.fault.Error(), shownText)
	}
	minute, seconds := sum(now.fine), sum(now.fine[lossOver-rateOver:])
	if seconds.seconds > 0 {
		o.Rate = float64(seconds.bytes) / seconds.seconds
	}
	o.Loss, o.Rebuilt = minute.lossShare(), minute.rebuilt
	if minute.margins > 0 {
		o.Margin = &minute.margin
	}
	if now.last != nil {
		o.receiving(c, q.s, now)
	}
	return o, nil
}

// receiving fills in what pawl-receive says.
func (o *overview) receiving(c *Console, s *session, now view) {
	r := now.last
	o.Said, o.Receiving, o.SilentFor = &r.Time, !now.stale, max(0, c.Now().Sub(r.Time).Seconds())
	o.Disk, o.PacketLost, o.Kernel = r.DiskTrouble, r.PacketsLost, r.KernelDrops
	for _, w := range r.Warnings {
		o.Warnings = append(o.Warnings, web.Say(w, shownText))
	}
	o.More = r.Arriving
	for i := range r.Transfers {
		t := &r.Transfers[i]
		id, err := quarantine.ParseID(t.ID)
		if err != nil || !s.may(c.label(id.Channel), anyone) {
			continue
		}
		o.More--
		a := arriving{ID: t.ID, Channel: c.label(id.Channel), Name: c.index.name(id).Short(shownName), Begun: t.Begun, Length: t.Length, Done: share(t), Rate: now.rates[t.ID], Silent: t.SilentForMS / 1000}
		if a.Rate > 0 {
			a.Left = (1 - a.Done) * float64(a.Length) / a.Rate
		}
		o.Arriving = append(o.Arriving, a)
	}
	if b := r.Beat; b != nil {
		o.Planned = b.Loss
		o.LowSide = &lowSide{
			Ago: b.HeardAgoMS/1000 + o.SilentFor, Version: web.Say(b.Version, shownName), Uptime: b.UptimeS, Queue: b.Queue, Waiting: b.QueueBytes, Oldest: b.OldestS,
			Sent: b.Sent, Aborted: b.Aborted, Refused: b.Refused, Rate: b.Rate, Loss: b.Loss, Burst: b.BurstMS / 1000, Room: b.Room,
			Fault: web.Say(b.Fault, shownText), FaultS: b.FaultAgoS,
		}
	}
}
