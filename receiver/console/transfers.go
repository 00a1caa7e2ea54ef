package console

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pawl/hw/web"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// Bounds of a list.
const (
	listPage = 50  // transfers on a page
	maxQuery = 200 // octets of a search
)

// listing is one page of transfers.
type listing struct {
	State    quarantine.State `json:"state"` // "": all
	Query    string           `json:"q"`
	Page     int              `json:"page"`
	Pages    int              `json:"pages"`
	Total    int              `json:"total"`
	Rows     []listed         `json:"transfers"`
	Left     int              `json:"not_indexed"`  // transfers that the index had no room for
	Unread   int              `json:"not_yet_read"` // transfers that can't be found by name yet
	Complete bool             `json:"index_is_complete"`

	States []stateCount `json:"states"`
}

// listed is a transfer in a list. Name, bytes and files are the sender's words until it has passed its checks.
type listed struct {
	ID      string           `json:"id"`
	State   quarantine.State `json:"state"`
	Channel string           `json:"channel"`
	Name    web.Words        `json:"name"`
	Bytes   uint64           `json:"bytes"`
	Files   uint64           `json:"files"`
	Changed time.Time        `json:"changed"` // when something was last noted in its history
}

// mine says for each channel whether the person has one of the roles for it.
func (c *Console) mine(s *session, roles []people.Role) func(uint16) bool {
	known := map[uint16]bool{}
	return func(id uint16) bool {
		may, there := known[id]
		if !there {
			may = s.may(c.label(id), roles)
			known[id] = may
		}
		return may
	}
}

func (c *Console) transfers(q *request) (any, error) {
	l := c.index.now.Load()
	out := listing{State: quarantine.State(q.field("state")), Query: q.field("q"), Rows: []listed{}, Left: l.left, Unread: l.unread, Complete: l.ready}
	if out.State != "" && !out.State.Valid() {
		return nil, badRequest{fmt.Errorf("%.40q is no state", out.State)}
	}
	if len(out.Query) > maxQuery {
		return nil, badRequest{fmt.Errorf("a search has at most %d bytes", maxQuery)}
	}
	var err error
	if out.Page, err = pageOf(q.field("page")); err != nil {
		return nil, err
	}
	mine := c.mine(q.s, anyone)
	counts := l.counts(mine)
	for _, st := range quarantine.States() {
		out.States = append(out.States, stateCount{st, counts[st]})
	}
	ask := query{state: out.State, text: strings.ToLower(strings.TrimSpace(out.Query)), channel: mine}
	rows, total := l.search(ask, c.label, (out.Page-1)*listPage, listPage)
	out.Total, out.Pages = total, pagesOf(total, listPage)
	if out.Page > out.Pages {
		q.next = out.Link(out.State, out.Pages)
	}
	for _, r := range rows {
		out.Rows = append(out.Rows, listed{r.id.String(), r.state, c.label(r.id.Channel), r.name.Short(shownName), r.bytes, r.files, r.changed})
	}
	return out, nil
}

// maxPage bounds the number of a page: far beyond all that there can be, far below what overflows.
const maxPage = 1 << 30

// pageOf reads the number of a page, from 1, which is the default.
func pageOf(text string) (int, error) {
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxPage {
		return 0, badRequest{fmt.Errorf("%.20q is no page: they are counted from 1", text)}
	}
	return n, nil
}

// pagesOf is how many pages so many things take; none still have one.
func pagesOf(total, each int) int { return max(1, (total+each-1)/each) }

// Link is this list with another page or state.
func (l listing) Link(state quarantine.State, page int) string {
	v := url.Values{}
	for key, value := range map[string]string{"state": string(state), "q": l.Query} {
		if value != "" {
			v.Set(key, value)
		}
	}
	if page > 1 {
		v.Set("page", strconv.Itoa(page))
	}
	if len(v) == 0 {
		return "/transfers"
	}
	return "/transfers?" + v.Encode()
}

// Prev and Next are the neighbouring pages; 0 where there is none.
func (l listing) Prev() int { return prev(l.Page) }

// Next is the page after this.
func (l listing) Next() int { return next(l.Page, l.Pages) }

func prev(page int) int { return page - 1 }

func next(page, pages int) int {
	if page >= pages {
		return 0
	}
	return page + 1
}
