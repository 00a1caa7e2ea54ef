package sender

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/lowlog"
	"pawl/framing/ticket"
)

// A repair re-sends what a ticket names of a transfer that was sent before. It is one more pass of a kind of its own:
//
//	sent/<id> ── .pawl-repair, rename ──► claimed/<id> ── mend ──► sent/<id>
//
// Its record stays that of a sent transfer all the time, so that a crash leaves either a repair that the next start begins
// anew, or a transfer that lies in claimed/ and is moved back. A repair that fails tells the receiver nothing: the transfer
// is as incomplete there as it was.

// OpRepair re-sends what Request.Ticket names; the answers are those of a submit that waits.
const OpRepair = "repair"

// StateUnrepaired is the last answer to a repair that sent nothing, or not all: Error says why.
const StateUnrepaired State = "not repaired"

// ErrUnrepaired is wrapped by errors about repairs that could not be sent.
var ErrUnrepaired = errors.New("not repaired")

// repairFile holds the order of a repair in the transfer's folder.
const repairFile = ".pawl-repair"

// order is what repairFile holds.
type order struct {
	Ticket string    `json:"ticket"`
	All    bool      `json:"all,omitempty"` // every repair symbol of the blocks too
	When   time.Time `json:"when"`
}

// repair is an order that is being carried out.
type repair struct {
	ticket *ticket.Ticket
	all    bool
	total  uint64 // octets of content that it sends
}

func unrepaired(path, format string, args ...any) error {
	return &fault{kind: ErrUnrepaired, path: path, reason: fmt.Sprintf(format, args...)}
}

// again turns the fault of a reader into one of a repair: nothing is aborted by it.
func again(err error) error {
	var why *fault
	if errors.As(err, &why) {
		return &fault{kind: ErrUnrepaired, path: why.path, reason: why.reason}
	}
	return err
}

// newRepair holds a ticket to the geometry of the transfer it is for.
func newRepair(rec *record, t *ticket.Ticket, all bool, symbolSize int) (*repair, error) {
	if rec.SymbolSize != symbolSize {
		return nil, fmt.Errorf("%s was cut into symbols of %d octets and the link's mtu now gives %d: submit it anew", rec.ID, rec.SymbolSize, symbolSize)
	}
	p := &repair{ticket: t, all: all}
	for _, n := range t.Needs() {
		geo := rec.object(n.Object)
		if n.Need.None() || geo.Length == 0 {
			continue // an empty content is asked for when the plan did not come either
		}
		c, err := newCut(rec, n.Object, geo)
		if err != nil {
			return nil, err
		}
		for _, run := range c.named(n.Need) {
			if run.Last >= c.part.Blocks() {
				return nil, fmt.Errorf("the ticket names block %d of the %v of %s, which has %d: it is not of this transfer", run.Last, n.Object, rec.ID, c.part.Blocks())
			}
			if n.Object == framing.ObjectContent {
				p.total += c.span(run).end - c.span(run).first
			}
		}
	}
	return p, nil
}

// object is the geometry of one object.
func (r *record) object(o framing.Object) geometry {
	switch o {
	case framing.ObjectPlan:
		return r.Plan
	case framing.ObjectProof:
		return r.Proof
	}
	return r.Body
}

// named are the blocks that a need names, as runs.
func (c *cut) named(n *ticket.Need) []ticket.Run {
	if n.Whole {
		return []ticket.Run{{First: 0, Last: c.part.Blocks() - 1}}
	}
	return n.Runs
}

// span is the octets of a run of blocks.
func (c *cut) span(run ticket.Run) span {
	return span{c.part.Offset(run.First), c.part.Offset(run.Last) + c.part.Size(run.Last)}
}

// underRepair says whether a folder of claimed/ lies there for a repair.
func underRepair(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, repairFile))
	return err == nil
}

// resumeRepair takes up a repair that a stop of the program cut short: from its beginning, because what was sent before is
// not known. One that can't be taken up any more is given up, with a line in the log.
func (c *claimer) resumeRepair(f *flight) error {
	f.show(StateSent) // what it was, should it be moved back
	text, err := os.ReadFile(filepath.Join(f.dir, repairFile))
	var o order
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	var t *ticket.Ticket
	if err == nil {
		t, err = ticket.Parse(o.Ticket)
	}
	if err == nil {
		f.repair, err = newRepair(f.rec, t, o.All, c.symbolSize)
	}
	if err != nil {
		c.log.Error("repair can't be taken up again", zap.String("transfer", f.rec.ID), zap.Error(err))
		return errors.Join(os.Remove(filepath.Join(f.dir, repairFile)), retire(f))
	}
	c.log.Info("repair taken up again", zap.String("transfer", f.rec.ID))
	f.show(StateQueued)
	c.schedule.enter(f)
	return nil
}

// mending finds the transfer of a ticket, takes it out of sent/ and queues its repair.
func (s *Sender) mending(req *Request) (*flight, error) {
	t, err := ticket.Parse(req.Ticket)
	if err != nil {
		return nil, err
	}
	s.orders.Lock() // two orders for one transfer would both find it in sent/
	defer s.orders.Unlock()
	ch, folder, id, err := s.ticketed(t.Transfer)
	if err != nil {
		return nil, err
	}
	from, to := filepath.Join(ch.folder(folder), id), filepath.Join(ch.folder("claimed"), id)
	rec, err := loadRecord(from)
	switch {
	case err != nil:
		return nil, err
	case folder == "claimed" && underRepair(from):
		return nil, fmt.Errorf("%s is being repaired already: wait until that is sent", id)
	case folder == "claimed":
		return nil, fmt.Errorf("%s is still being sent (%s, %d of %d passes done): what it lacks may come by itself", id, rec.State, rec.Pass, rec.Passes)
	case rec.State != StateSent:
		return nil, fmt.Errorf("%s is %s and can't become whole: %s", id, rec.State, rec.Reason)
	}
	f := newFlight(rec, to, ch)
	if f.repair, err = newRepair(rec, t, req.All, s.cfg.Forecast.SymbolSize); err != nil {
		return nil, err
	}
	s.schedule.leave(id)
	canonical, err := t.Text()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(order{Ticket: canonical, All: req.All, When: time.Now()})
	if err != nil {
		return nil, err
	}
	if err := writeDurable(filepath.Join(from, repairFile), append(text, '\n')); err != nil {
		return nil, err
	}
	if err := os.Rename(from, to); err != nil {
		return nil, errors.Join(err, os.Remove(filepath.Join(from, repairFile)))
	}
	if err := errors.Join(syncFolder(ch.folder("claimed")), syncFolder(ch.folder("sent"))); err != nil {
		return nil, err
	}
	s.cfg.Audit.note(&lowlog.Repair{ID: id, Ticket: lowlog.Text(canonical), Bytes: f.repair.total})
	s.cfg.Log.Info("repair queued", zap.String("transfer", id), zap.String("ticket", canonical), zap.Uint64("bytes", f.repair.total))
	f.show(StateQueued)
	s.schedule.enter(f)
	return f, nil
}

// ticketed finds the one transfer with a digest, and the folder of its channel that it lies in.
func (s *Sender) ticketed(d ticket.Digest) (found *channel, folder, id string, err error) {
	for _, ch := range s.channels {
		for _, in := range []string{"sent", "claimed", "refused"} {
			entries, err := os.ReadDir(ch.folder(in))
			if err != nil {
				return nil, "", "", err
			}
			for _, e := range entries {
				transfer, ok := transferOfID(ch.ID, e.Name())
				if !ok || ticket.DigestOf(ch.ID, transfer) != d {
					continue
				}
				if found != nil {
					return nil, "", "", fmt.Errorf("the ticket fits %s and %s: submit what is missing anew", id, e.Name())
				}
				found, folder, id = ch, in, e.Name()
			}
		}
	}
	if found == nil {
		err = fmt.Errorf("the ticket is of no transfer that is here: it was deleted from sent/, or another sender sent it: %w", fs.ErrNotExist)
	}
	return found, folder, id, err
}

// transferOfID is the number in the id of a channel's transfer.
func transferOfID(channel uint16, id string) (uint64, bool) {
	_, digits, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(digits, 16, 64)
	return n, err == nil && transferID(channel, n) == id
}

// repair serves a request for a repair and follows it to its end.
func (s *Sender) repair(ctx context.Context, conn net.Conn, req *Request) error {
	f, err := s.mending(req)
	if err != nil {
		return answer(conn, Progress{State: StateUnrepaired, Error: err.Error()})
	}
	tick := time.NewTicker(progressGap)
	defer tick.Stop()
	said := Progress{}
	for {
		now := f.repairProgress()
		if now != said {
			said = now
			if err := answer(conn, now); err != nil {
				return err
			}
		}
		if now.State == StateSent || now.State == StateUnrepaired {
			return nil
		}
		select {
		case <-f.done:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// repairProgress is where a repair is. Why it failed is known once it is done.
func (f *flight) repairProgress() Progress {
	p := Progress{ID: f.rec.ID, State: StateQueued, Bytes: f.sent.Load(), Total: f.repair.total}
	if f.state.Load().State == StateSending {
		p.State = StateSending
	}
	select {
	case <-f.done:
		p.State = StateSent
		if f.failure != nil {
			p.State, p.Error = StateUnrepaired, f.failure.reason
			if f.failure.path != "" {
				p.Error = fmt.Sprintf("%q: %s", f.failure.path, p.Error)
			}
		}
	default:
	}
	return p
}
