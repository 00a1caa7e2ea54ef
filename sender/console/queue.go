package console

import (
	"net/http"
	"time"

	"pawl/sender"
)

const queueEach = 50 // transfers on a page

// queuePage is one page of the queue.
type queuePage struct {
	daemonState
	Channel string    `json:"channel"` // the only one that is shown; empty: all
	Names   []string  `json:"channels"`
	Total   int       `json:"total"` // transfers that are listed
	More    int       `json:"more"`  // beyond the first 10,000, which are not
	Rows    []waiting `json:"transfers"`
	paging
}

// waiting is a transfer in the queue.
type waiting struct {
	moving
	Class sender.Class `json:"class"`
	Held  bool         `json:"held"`
	Due   *time.Time   `json:"due"` // when its next pass may begin; null: it has begun, or may now
}

func (c *Console) queue(r *http.Request) (any, error) {
	v := c.link.view()
	p := queuePage{daemonState: c.state(&v), Channel: r.URL.Query().Get("channel"), Names: channelNames(&v), Rows: []waiting{}, paging: paging{1, 1}}
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
	q, err := c.daemon.queue(r.Context(), queueFresh)
	if err != nil {
		p.lost(err)
		return p, nil
	}
	p.More = q.More
	var mine []*sender.Entry
	for i := range q.Transfers {
		if p.Channel == "" || q.Transfers[i].Channel == p.Channel {
			mine = append(mine, &q.Transfers[i])
		}
	}
	p.Total, p.paging = len(mine), pages(page, len(mine), queueEach)
	for _, e := range cut(mine, page, queueEach) {
		p.Rows = append(p.Rows, waitingOf(e, v.rates[e.ID]))
	}
	return p, nil
}

func waitingOf(e *sender.Entry, rate float64) waiting {
	return waiting{move(&e.TransferStatus, rate, e.ETA), e.Class, e.Held, known(e.Due)}
}

// Link is this list for a channel.
func (p queuePage) Link(channel string, page int) string {
	return link("/queue", page, "channel", channel)
}
