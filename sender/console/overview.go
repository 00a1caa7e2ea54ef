package console

import (
	"fmt"
	"net/http"
	"time"

	"github.com/dustin/go-humanize"

	"pawl/hw/web"
	"pawl/sender"
)

const (
	rateOver     = 10        // samples of a second, for the rate on the overview
	underWayMost = 20        // transfers on the overview; the status names 100 at most
	littleRoom   = 1 << 30   // octets free where the outboxes are, below which the overview warns
	faultLong    = 24 * 3600 // seconds after which the last error is no warning any more
)

// overview is the first page.
type overview struct {
	daemonState
	Version    string        `json:"version"` // of pawl-send, as the other words about it
	Started    *time.Time    `json:"started,omitempty"`
	Seal       string        `json:"seal"`
	RateLimit  uint64        `json:"rate_bps"`     // configured, bit/s on the wire
	Rate       float64       `json:"rate_bytes_s"` // on the wire, in the last ten seconds; beats are in it
	Sent       uint64        `json:"sent"`         // transfers, since the start as the next two
	Aborted    uint64        `json:"aborted"`
	Refused    uint64        `json:"refused"`
	Queue      int           `json:"queue"` // transfers that are not finished
	QueueBytes uint64        `json:"queue_bytes"`
	Oldest     *time.Time    `json:"oldest,omitempty"` // when the transfer was claimed that waits longest
	Room       uint64        `json:"room_bytes"`       // free where the outboxes are, the least of them
	Warnings   []warning     `json:"warnings"`
	UnderWay   []moving      `json:"under_way"` // at most 20
	Channels   []channelLine `json:"channels"`
	Links      []linkLine    `json:"links"`   // of several; of one the words above tell
	Audit      *auditLine    `json:"audit"`   // null: no log is kept, or pawl-send does not run
	Fine       []web.Chart   `json:"minutes"` // the last ten, second by second
	Day        []web.Chart   `json:"day"`     // the last, minute by minute
}

// daemonState says whether what a page shows of pawl-send is of now.
type daemonState struct {
	Running bool       `json:"running"`        // it answers
	Fault   web.Words  `json:"fault"`          // why it can't be asked
	Said    *time.Time `json:"said,omitempty"` // when it last answered; absent: never since this program started
}

// warning is what a person should know.
type warning struct {
	Grave bool      `json:"grave"`
	Text  web.Words `json:"text"`
}

// moving is a transfer that is being sent.
type moving struct {
	ID      string       `json:"id"`
	Channel string       `json:"channel"`
	Name    web.Words    `json:"name"`
	State   sender.State `json:"state"`
	Pass    int          `json:"pass"`
	Passes  int          `json:"passes"`
	Bytes   uint64       `json:"bytes"` // of content sent in this pass
	Total   uint64       `json:"total"`
	Done    float64      `json:"done"`         // of this pass, 0 to 1
	Rate    float64      `json:"rate_bytes_s"` // of content
	ETA     *time.Time   `json:"eta"`          // when its last pass is expected to have left; null: not foreseen
}

// channelLine is what a channel may do, and how much lies in its outbox.
type channelLine struct {
	Name     string       `json:"channel"`
	Class    sender.Class `json:"class"`
	Weight   int          `json:"weight"`
	Held     bool         `json:"held"`
	Open     bool         `json:"open"`             // in a window, or there are none
	Change   *time.Time   `json:"change,omitempty"` // when the window opens or closes
	Queue    int          `json:"queue"`
	Day      string       `json:"day"` // that the quota counts; empty: there is none
	Bytes    uint64       `json:"bytes"`
	OfBytes  uint64       `json:"of_bytes"` // the quota; 0: none
	Files    uint64       `json:"files"`
	OfFiles  uint64       `json:"of_files"`
	Waits    web.Words    `json:"waits"`       // why it sends nothing although something is in its queue
	Outbox   int          `json:"outbox"`      // entries that are not taken yet
	Full     bool         `json:"outbox_full"` // the queue is full, what lies there must wait
	Carousel *roundLine   `json:"carousel"`    // null: it has none
}

// roundLine is a channel's carousel.
type roundLine struct {
	Transfer string `json:"transfer"` // that is sent again now; empty: none
	Rounds   uint64 `json:"rounds"`
	Bytes    uint64 `json:"bytes"`
}

// linkLine is one of several links.
type linkLine struct {
	Link    uint8     `json:"link"`
	Rate    uint64    `json:"rate_bps"`
	Packets uint64    `json:"packets"`
	Down    bool      `json:"down"`
	Fault   web.Words `json:"fault"`
}

// auditLine is what pawl-send says of its audit log.
type auditLine struct {
	Log     string `json:"log"`
	Size    int64  `json:"size"`
	Root    string `json:"root"`
	Waiting int64  `json:"waiting"`
	Lost    uint64 `json:"lost"`
}

func (c *Console) state(v *view) daemonState {
	s := daemonState{Running: v.running()}
	if v.fault != nil {
		s.Fault = web.Say(v.fault.Error(), shownText)
	}
	if v.last != nil {
		s.Said = &v.at
	}
	return s
}

func (c *Console) overview(r *http.Request) (any, error) {
	v := c.link.view()
	o := overview{
		daemonState: c.state(&v), Warnings: []warning{}, UnderWay: []moving{}, Channels: []channelLine{}, Links: []linkLine{},
		Fine: charts(v.fine, 1), Day: charts(v.day, coarseOf),
	}
	if !v.running() {
		return o, nil
	}
	st := v.last
	o.Version, o.Started, o.Seal, o.RateLimit = st.Version, &st.Started, st.Seal, st.Rate
	o.Sent, o.Aborted, o.Refused = st.Sent, st.Aborted, st.Refused
	o.Queue, o.QueueBytes, o.Oldest, o.Room = st.Queue, st.QueueSize, known(st.Oldest), st.Room
	var seconds sample
	for _, s := range v.fine[len(v.fine)-rateOver:] {
		seconds.add(s)
	}
	if seconds.seconds > 0 {
		o.Rate = float64(seconds.wire) / seconds.seconds
	}
	o.Warnings = warnings(st, v.at)
	o.underWay(c, r, &v)
	for i := range st.Channels {
		o.Channels = append(o.Channels, lineOf(&st.Channels[i], st.Intake))
	}
	for _, l := range st.Links {
		o.Links = append(o.Links, linkLine{l.Link, l.Rate, l.Packets, l.Down, web.Say(l.Fault, shownText)})
	}
	if a := st.Audit; a != nil {
		o.Audit = &auditLine{a.Log, a.Size, a.Root, a.Waiting, a.Lost}
	}
	return o, nil
}

// DayBegun says whether there is anything of the last day to draw.
func (o overview) DayBegun() bool {
	for _, c := range o.Day {
		if len(c.Lines) > 0 {
			return true
		}
	}
	return false
}

// underWay fills in what is being sent; the expected ends are those of the queue, where it can be had.
func (o *overview) underWay(c *Console, r *http.Request, v *view) {
	ends := map[string]time.Time{}
	for i := range v.last.Transfers {
		t := &v.last.Transfers[i]
		if t.State != sender.StateSending && t.State != sender.StateAborting || len(o.UnderWay) == underWayMost {
			continue
		}
		if len(ends) == 0 {
			if q, err := c.daemon.queue(r.Context(), queueStale); err == nil {
				for j := range q.Transfers {
					ends[q.Transfers[j].ID] = q.Transfers[j].ETA
				}
			}
			ends[""] = time.Time{} // asked
		}
		o.UnderWay = append(o.UnderWay, move(t, v.rates[t.ID], ends[t.ID]))
	}
}

// move lays out how far a transfer is.
func move(t *sender.TransferStatus, rate float64, eta time.Time) moving {
	m := moving{
		ID: t.ID, Channel: t.Channel, Name: web.Say(t.Name, shownName), State: t.State, Pass: t.Pass, Passes: t.Passes, Bytes: t.Bytes, Total: t.Total,
		Rate: rate, ETA: known(eta),
	}
	if t.Total > 0 {
		m.Done = min(1, float64(t.Bytes)/float64(t.Total))
	}
	return m
}

// known is a time that is null where it is none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func lineOf(ch *sender.ChannelStatus, intake []sender.IntakeStatus) channelLine {
	l := channelLine{
		Name: ch.Name, Class: ch.Class, Weight: ch.Weight, Held: ch.Held, Open: ch.Open, Change: known(ch.Change), Queue: ch.Queue, Day: ch.Day, Bytes: ch.Bytes,
		OfBytes: ch.OfBytes, Files: ch.Files, OfFiles: ch.OfFiles, Waits: web.Say(ch.Waits, shownText),
	}
	for i := range intake {
		if intake[i].Channel == ch.Name {
			l.Outbox, l.Full = intake[i].Waiting, intake[i].Full
		}
	}
	if k := ch.Carousel; k != nil {
		l.Carousel = &roundLine{k.Transfer, k.Rounds, k.Bytes}
	}
	return l
}

// warnings are what a person should know of a status that was given at a time.
func warnings(st *sender.Status, at time.Time) []warning {
	all := []warning{}
	say := func(grave bool, format string, args ...any) {
		all = append(all, warning{grave, web.Say(fmt.Sprintf(format, args...), shownText)})
	}
	if st.Warning != "" {
		say(false, "%s", st.Warning)
	}
	if st.LinkFault != "" {
		say(true, "The link does not take packets: %s", st.LinkFault)
	}
	if trouble := st.Audit.Trouble(); trouble != "" {
		say(st.Audit.Fault != "", "%s", trouble)
	}
	if st.Room < littleRoom {
		say(true, "Only %s are free where the outboxes are.", humanize.IBytes(st.Room))
	}
	for i := range st.Intake {
		switch in := &st.Intake[i]; {
		case in.Fault != "":
			say(false, "Outbox of %s, the last entry that could not be claimed: %s", in.Channel, in.Fault)
		case in.Full:
			say(false, "Outbox of %s: its queue is full, what lies there must wait.", in.Channel)
		}
	}
	if f := st.Fault; f != nil {
		if ago := at.Sub(f.When); ago.Seconds() < faultLong {
			say(false, "Last error, %s ago: %s", ago.Round(time.Second), f.Text)
		}
	}
	return all
}

// charts are what is drawn of the samples.
func charts(all []sample, step float64) []web.Chart {
	plot := func(title, unit string, value func(*sample) float64, show func(float64) string) web.Chart {
		return web.Plot(title, unit, step, len(all), func(i int) (float64, bool) {
			if all[i].seconds == 0 {
				return 0, false
			}
			return value(&all[i]), true
		}, show)
	}
	return []web.Chart{
		plot("Sent on the wire", "bytes/s", func(s *sample) float64 { return float64(s.wire) / s.seconds },
			func(v float64) string { return humanize.SIWithDigits(8*v, 1, "bit/s") }),
		plot("Transfers in the queue", "transfers", func(s *sample) float64 { return s.queue }, func(v float64) string { return humanize.CommafWithDigits(v, 0) }),
		plot("Waiting content", "bytes", func(s *sample) float64 { return s.waiting }, func(v float64) string { return humanize.IBytes(uint64(v)) }),
	}
}
