package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// allowed is what the person can do with a transfer as it is now. The gate asks again.
func (c *Console) allowed(s *session, d *details) may {
	name := d.channel.Name
	can := func(roles []people.Role) bool { return !s.looks && s.may(name, roles) }
	m := may{
		Recheck: d.State == quarantine.Held && can(menders),
		Ticket:  d.State == quarantine.Incomplete && c.Ticket != nil && can(carriers),
		Receipt: (d.State == quarantine.Held || d.State == quarantine.Released) && d.Passed && c.Receipt != nil && can(carriers),
		// A certificate is enough to look, and evidence is looking.
		Evidence: c.Evidence != nil && d.Proof != "",
	}
	if d.State == quarantine.Held && d.Proof != "" && can(deciders) {
		mine := d.mine(s)
		m.Reject = true
		m.Revoke = mine >= 0
		m.Approve = mine < 0 && d.Passed && len(d.Unseen) == 0
	}
	return m
}

// mine is where among the decisions the person's own approval is that counts; -1: none does.
func (d *details) mine(s *session) int {
	return slices.IndexFunc(d.Waits.Decisions, func(g decided) bool {
		return g.Person == s.person.Name() && g.Action == person.Approve && g.Against == ""
	})
}

// decide signs a decision with the session's key and gives it to the gate.
func (c *Console) decide(q *request) (any, error) {
	d, draft, err := c.draft(q)
	if err != nil {
		return nil, err
	}
	signed, err := q.s.sign(draft)
	if err != nil {
		return nil, err
	}
	if err := c.Gate.Decide(d.id, signed); err != nil {
		return nil, err
	}
	c.Log.Info("decided", zap.String("action", string(draft.Action)), zap.String("name", signed.Person), zap.Stringer("transfer", d.id))
	c.moved(d.id)
	q.next = "/transfers/" + d.ID
	return done{string(draft.Action)}, nil
}

// moved makes everybody look at what was decided.
func (c *Console) moved(id quarantine.ID) {
	if c.Decided != nil {
		c.Decided()
	}
	select {
	case c.index.hint <- id:
	default: // it is found by the next listing
	}
	c.bell.Ring(topicTransfers)
}

func (c *Console) recheck(q *request) (any, error) {
	id, _, err := c.find(q)
	if err != nil {
		return nil, err
	}
	if !q.s.may(c.label(id.Channel), menders) {
		return nil, errRole
	}
	// Reading a large transfer takes as long as it takes.
	if err := http.NewResponseController(q.w).SetWriteDeadline(time.Time{}); err != nil {
		return nil, err
	}
	st, err := c.Gate.Recheck(q.Context(), id)
	if err != nil {
		return nil, err
	}
	c.Log.Info("checked again", zap.String("name", q.s.person.Name()), zap.Stringer("transfer", id))
	c.moved(id)
	q.next = "/transfers/" + id.String()
	return done{"checked again: " + string(st)}, nil
}

// carriedPage is a text that a person carries to the low side.
type carriedPage struct {
	Carried
	ID   string `json:"id"`
	Kind string `json:"kind"` // ticket or receipt
	// Drawing is the text as a QR code.
	Drawing drawing `json:"-"`
}

var errNone = errors.New("the configuration does not allow for it")

func (c *Console) ticket(q *request) (any, error) {
	id, err := c.findFor(q, carriers)
	if err != nil {
		return nil, err
	}
	part := 1
	if text := q.field("part"); text != "" {
		if part, err = strconv.Atoi(text); err != nil || part < 1 {
			return nil, badRequest{fmt.Errorf("%.20q is no ticket: they are counted from 1", text)}
		}
	}
	if c.Ticket == nil {
		return nil, badRequest{errNone}
	}
	k, err := c.Ticket(q.s.person.Name(), id, part)
	if err != nil {
		return nil, badRequest{err}
	}
	c.Log.Info("ticket given out", zap.String("name", q.s.person.Name()), zap.Stringer("transfer", id), zap.Int("bits", k.Bits))
	qr, err := draw(k.Text)
	return carriedPage{k, id.String(), "ticket", qr}, err
}

func (c *Console) receipt(q *request) (any, error) {
	id, err := c.findFor(q, carriers)
	if err != nil {
		return nil, err
	}
	if c.Receipt == nil {
		return nil, badRequest{errNone}
	}
	k, err := c.Receipt(q.s.person.Name(), id)
	if err != nil {
		return nil, badRequest{err}
	}
	c.Log.Info("receipt code given out", zap.String("name", q.s.person.Name()), zap.Stringer("transfer", id), zap.Int("bits", k.Bits))
	return carriedPage{Carried: k, ID: id.String(), Kind: "receipt"}, nil
}

// findFor is find for an action that takes a role for the transfer's channel.
func (c *Console) findFor(q *request, roles []people.Role) (quarantine.ID, error) {
	id, _, err := c.find(q)
	if err == nil && !q.s.may(c.label(id.Channel), roles) {
		err = errRole
	}
	return id, err
}
