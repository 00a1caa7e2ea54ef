package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pawl/hw/web"
	"pawl/sender"
)

const (
	outboxEach = 100 // entries on the page of one outbox
	outboxFew  = 20  // of each where all are shown
	refusedFew = 5
)

// outboxPage is what lies in the outboxes.
type outboxPage struct {
	daemonState
	Channel  string       `json:"channel"` // the only one that is shown; empty: all
	Names    []string     `json:"channels"`
	Outboxes []outboxList `json:"outboxes"`
	paging
}

// outboxList is one outbox.
type outboxList struct {
	Channel string       `json:"channel"`
	Looked  *time.Time   `json:"looked"`  // when pawl-send last looked; null: not yet
	Waiting int          `json:"waiting"` // entries that lie there since, as far as it looked
	Looking bool         `json:"looking"` // nothing tells of news: it looks again and again
	Why     web.Words    `json:"why"`     // there is none
	Blind   bool         `json:"blind"`   // the file system does not tell who has files open for writing
	Full    bool         `json:"full"`    // the queue is full: the rest waits
	Unread  bool         `json:"unread"`  // there may be others that it has not looked at
	Fault   web.Words    `json:"fault"`   // the last entry that could not be claimed
	Left    []leftLine   `json:"left"`    // on this page
	More    int          `json:"more"`    // that are on no page
	Refused []refusedRow `json:"refused"` // the newest first: 5, of one channel 50
	Older   int          `json:"older"`   // that are not shown
}

// leftLine is one entry.
type leftLine struct {
	Name    web.Words `json:"name"`
	Why     web.Words `json:"why"` // it is not taken yet
	Folder  bool      `json:"folder"`
	Bytes   uint64    `json:"bytes"` // of a file
	Changed time.Time `json:"changed"`
}

// refusedRow is one transfer that was given up.
type refusedRow struct {
	ID     string       `json:"id"`
	Name   web.Words    `json:"name"`
	State  sender.State `json:"state"`
	Bytes  uint64       `json:"bytes"`
	Path   web.Words    `json:"path"` // the file at fault
	Reason web.Words    `json:"reason"`
	When   time.Time    `json:"when"`
}

func (c *Console) outbox(r *http.Request) (any, error) {
	v := c.link.view()
	p := outboxPage{daemonState: c.state(&v), Channel: r.URL.Query().Get("channel"), Names: channelNames(&v), Outboxes: []outboxList{}, paging: paging{1, 1}}
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	if !v.running() {
		return p, nil
	}
	if err := oneOf(p.Names, p.Channel); err != nil {
		return nil, err
	}
	all, err := c.daemon.outboxes(r.Context(), p.Channel)
	if err != nil {
		p.lost(err)
		return p, nil
	}
	for i := range all.Outboxes {
		o := &all.Outboxes[i]
		l := listOf(o)
		left, refused := o.Left, o.Refused
		if p.Channel != "" {
			p.paging = pages(page, len(left), outboxEach)
			left = cut(left, page, outboxEach)
		} else {
			left, refused = left[:min(len(left), outboxFew)], refused[:min(len(refused), refusedFew)]
			l.More += len(o.Left) - len(left)
			l.Older += len(o.Refused) - len(refused)
		}
		l.fill(left, refused)
		p.Outboxes = append(p.Outboxes, l)
	}
	return p, nil
}

func listOf(o *sender.Outbox) outboxList {
	return outboxList{
		Channel: o.Channel, Looked: known(o.Looked), Waiting: len(o.Left) + o.More, Looking: o.Looking, Why: web.Say(o.Why, shownText), Blind: o.Blind, Full: o.Full,
		Unread: o.Unread, Fault: web.Say(o.Fault, shownText), Left: []leftLine{}, More: o.More, Refused: []refusedRow{}, Older: o.Older,
	}
}

func (l *outboxList) fill(left []sender.Left, refused []sender.Refusal) {
	for _, e := range left {
		l.Left = append(l.Left, leftLine{web.Say(e.Name, shownText), web.Say(e.Why, shownText), e.Folder, e.Bytes, e.Changed.UTC()})
	}
	for _, f := range refused {
		l.Refused = append(l.Refused, refusedRow{
			f.ID, web.Say(f.Name, shownName), f.State, f.Bytes, web.Say(f.Path, shownText), web.Say(f.Reason, shownText), f.Ended.UTC(),
		})
	}
}

// channelNames are the channels of the last status.
func channelNames(v *view) []string {
	names := []string{}
	if v.last != nil {
		for i := range v.last.Channels {
			names = append(names, v.last.Channels[i].Name)
		}
	}
	return names
}

// oneOf refuses a channel that there is none of.
func oneOf(names []string, channel string) error {
	for _, n := range names {
		if n == channel {
			return nil
		}
	}
	if channel == "" {
		return nil
	}
	return badRequest{fmt.Errorf("there is no channel %.40q", channel)}
}

// lost notes that pawl-send, which answered a moment ago, does not answer this.
func (s *daemonState) lost(err error) { s.Running, s.Fault = false, web.Say(err.Error(), shownText) }

// link is a page with a query; what is empty, and page 1, is left out.
func link(path string, page int, pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if page > 1 {
		v.Set("page", strconv.Itoa(page))
	}
	return strings.TrimSuffix(path+"?"+v.Encode(), "?")
}

// Link is this page for a channel.
func (p outboxPage) Link(channel string, page int) string {
	return link("/outbox", page, "channel", channel)
}
