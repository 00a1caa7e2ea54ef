package console

import (
	"strings"

	"pawl/receiver/quarantine"
)

// query is what a list is asked for.
type query struct {
	state   quarantine.State // "": all
	text    string           // in lower case
	channel func(uint16) bool
}

// search counts what fits and gives one page of it.
func (l *list) search(q query, label func(uint16) string, first, n int) (rows []*row, total int) {
	named := map[uint16]bool{}
	for _, r := range l.rows {
		if q.state != "" && r.state != q.state || !q.channel(r.id.Channel) {
			continue
		}
		if q.text != "" && !strings.Contains(r.find, q.text) {
			same, known := named[r.id.Channel]
			if !known {
				same = strings.ToLower(label(r.id.Channel)) == q.text
				named[r.id.Channel] = same
			}
			if !same {
				continue
			}
		}
		if total >= first && len(rows) < n {
			rows = append(rows, r)
		}
		total++
	}
	return rows, total
}

// counts is how many transfers are in each state.
func (l *list) counts(channel func(uint16) bool) map[quarantine.State]int {
	m := map[quarantine.State]int{}
	for _, st := range quarantine.States() {
		m[st] = 0
	}
	for _, r := range l.rows {
		if channel(r.id.Channel) {
			m[r.state]++
		}
	}
	return m
}
