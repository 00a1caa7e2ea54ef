package console

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"pawl/framing/person"
	"pawl/hw/web"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// proposal is a decision that is not made yet: all that will be signed, and what comes of it.
type proposal struct {
	ID      string        `json:"id"`
	Name    web.Words     `json:"name"`
	Channel string        `json:"channel"`
	Action  person.Action `json:"action"`
	Reason  string        `json:"reason"`
	Proof   string        `json:"proof"`
	Digest  string        `json:"verdicts_sha256"`
	Passed  bool          `json:"passed"` // what the verdicts say
	Shown   []string      `json:"shown"`  // what will be signed as seen
	Then    int           `json:"approvals_then"`
	Need    int           `json:"need"`
	AtOnce  bool          `json:"released_at_once"` // nothing else is outstanding then
	Beside  web.Words     `json:"then_waits_for"`   // what is, beside approvals
	Stuck   bool          `json:"stuck"`            // a person must have it checked again first; why may hold words of the low side
}

// Said is the reason without what does not print.
func (p proposal) Said() string { return web.Say(p.Reason, person.MaxReason).Text() }

// form is what each form about a decision carries.
type form struct{ CSRF, Proof, Digest string }

// Form carries what the page shows.
func (p proposal) Form(csrf string) form { return form{csrf, p.Proof, p.Digest} }

// Form carries what the page shows.
func (d *details) Form(csrf string) form { return form{csrf, d.Proof, d.Digest} }

// confirm shows what a decision would be. Nothing is signed: a button that was pressed by mistake decides nothing.
func (c *Console) confirm(q *request) (any, error) {
	d, draft, err := c.draft(q)
	if err != nil {
		return nil, err
	}
	if d.State != quarantine.Held || d.Waits == nil {
		return nil, fmt.Errorf("transfer %s is %s: %w", d.ID, d.State, release.ErrState)
	}
	p := proposal{ID: d.ID, Name: d.Name.Short(shownName), Channel: d.channel.Name, Action: draft.Action, Reason: draft.Reason, Proof: d.Proof, Digest: d.Digest,
		Passed: d.Passed, Shown: d.Seen, Then: d.Waits.Approved, Need: d.Waits.Need, Beside: d.Waits.beside, Stuck: d.Waits.Stuck}
	counts := d.mine(q.s) >= 0
	switch {
	case p.Action == person.Approve && !counts:
		p.Then++
		p.AtOnce = p.Then >= p.Need && p.Beside.None()
	case p.Action == person.Revoke && counts:
		p.Then--
	case p.Action == person.Reject:
		p.Then = 0
	}
	return p, nil
}

// draft is the decision that a request is about, refused unless the person saw what it is about.
func (c *Console) draft(q *request) (*details, person.Decision, error) {
	var none person.Decision
	id, st, err := c.find(q)
	if err != nil {
		return nil, none, err
	}
	action, reason := person.Action(q.field("action")), strings.TrimSpace(q.field("reason"))
	switch {
	case action != person.Approve && action != person.Revoke && action != person.Reject:
		return nil, none, badRequest{fmt.Errorf("%.20q is no decision: approve, revoke or reject", action)}
	case action == person.Reject && reason == "":
		return nil, none, badRequest{errors.New("reason is missing: a rejection must have one")}
	case len(reason) > person.MaxReason || !utf8.ValidString(reason):
		return nil, none, badRequest{fmt.Errorf("a reason has at most %d octets of UTF-8", person.MaxReason)}
	}
	for _, name := range []string{"proof", "verdicts"} {
		if q.field(name) == "" {
			return nil, none, badRequest{fmt.Errorf("%s is missing: write it as the transfer showed it", name)}
		}
	}
	if !q.s.may(c.label(id.Channel), deciders) {
		return nil, none, errRole
	}
	d, err := c.details(id, st)
	if err != nil {
		return nil, none, err
	}
	d.Pages = pagesOf(int(min(d.Entries, maxPage)), filesPage)
	d.list(q.s.saw(d))
	if action == person.Approve && len(d.Unseen) > 0 {
		return nil, none, fmt.Errorf("%s %w: %s", q.s.person.Name(), release.ErrShown, strings.Join(d.Unseen, ", "))
	}
	draft, err := c.Gate.Draft(id, action, reason, d.Seen)
	if err != nil {
		return nil, none, err
	}
	// What the person saw is what they sign; the gate compares with what is there when it takes the decision.
	if q.field("proof") != hex.EncodeToString(draft.Body[:]) || q.field("verdicts") != hex.EncodeToString(draft.Verdicts[:]) {
		return nil, none, errNotNow
	}
	return d, draft, nil
}
