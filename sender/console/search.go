package console

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"pawl/framing/lowlog"
	"pawl/framing/merkle"
)

// Bounds of a search.
const (
	lookThrough = 100_000 // entries that one looks through; it goes on where it ended with the next page
	bundle      = 256     // entries that are read at a time
)

// search looks backwards from an entry for what fits, until a page is full or enough was looked through.
func (p *historyPage) search(view *merkle.View, before int64) error {
	fits := matcher(p.Query, p.Event)
	looked, err := backwards(view, before, lookThrough, func(index int64, data []byte) bool {
		if e, ok := fits(index, data); ok {
			p.Entries = append(p.Entries, e)
		}
		return len(p.Entries) < historyEach
	})
	p.Looked = looked
	if next := before - looked; err == nil && next > 0 {
		p.Before = &next
	}
	return err
}

// backwards gives entries from before one on, the newest first, until yield says no or so many were given. It says how many were.
func backwards(view *merkle.View, before, most int64, yield func(int64, []byte) bool) (given int64, err error) {
	type one struct {
		index int64
		data  []byte
	}
	for before > 0 && given < most {
		var some []one
		err := view.Entries((before-1)/bundle*bundle, func(index int64, data []byte) bool {
			some = append(some, one{index, data})
			return index+1 < before
		})
		if err != nil {
			return given, err
		}
		for _, o := range slices.Backward(some) {
			given++
			if !yield(o.index, o.data) || given == most {
				return given, nil
			}
		}
		before = some[0].index
	}
	return given, nil
}

// needle is a text that is looked for, in lower case, and how it stands in an entry.
type needle struct {
	text string
	raw  []byte
}

// needles are what a search may mean: the text as it stands, and, as pages show what does not print as it is spelled in Go, what that spelling means.
func needles(query string) (all []needle) {
	texts := []string{query}
	if plain, err := strconv.Unquote(`"` + strings.ReplaceAll(query, `"`, `\"`) + `"`); err == nil && plain != query {
		texts = append(texts, plain)
	}
	for _, text := range texts {
		text = strings.ToLower(text)
		if raw, err := merkle.AppendJSON(nil, text); err == nil { // no entry has what JSON can't
			all = append(all, needle{text, bytes.ToLower(raw[1 : len(raw)-1])})
		}
	}
	return all
}

// matcher says of an entry whether it has the text, in any case, and is the event. Most are told by their octets and not parsed.
func matcher(query, event string) func(int64, []byte) (entry, bool) {
	wanted := needles(query)
	return func(index int64, data []byte) (entry, bool) {
		lower := bytes.ToLower(data)
		i := slices.IndexFunc(wanted, func(n needle) bool { return bytes.Contains(lower, n.raw) })
		if i < 0 || event != "" && !bytes.Contains(data, []byte(event)) {
			return entry{}, false
		}
		e, err := lowlog.Parse(data)
		if err != nil {
			return entry{}, false
		}
		body := e.Body()
		in := findIn(body)
		if event != "" && eventOf(body) != event || !slices.ContainsFunc(wanted, func(n needle) bool { return strings.Contains(in, n.text) }) {
			return entry{}, false
		}
		return lay(index, e), true
	}
}

// eventOf is the word for what an entry says.
func eventOf(body lowlog.Body) string {
	if t, ok := body.(*lowlog.Transfer); ok {
		return string(t.Event)
	}
	return body.Kind()
}

// findIn is what a search looks in, in lower case.
func findIn(body lowlog.Body) string {
	text := body.About()
	switch b := body.(type) {
	case *lowlog.Transfer:
		text = strings.Join([]string{text, b.Name, b.Path, b.Reason}, "\n")
	case *lowlog.Stop:
		text = b.Reason
	case *lowlog.Start:
		text = b.Version + "\n" + b.Config
	}
	return strings.ToLower(text)
}

// about gives the entries about a transfer, the newest first, from its claim on; whole says that none can be missing.
func about(view *merkle.View, id string) (all []entry, whole bool, err error) {
	all = []entry{}
	size := view.Checkpoint().Size
	looked, err := backwards(view, size, lookThrough, func(index int64, data []byte) bool {
		if !bytes.Contains(data, []byte(id)) {
			return true
		}
		e, err := lowlog.Parse(data)
		if err != nil || e.Body().About() != id {
			return true
		}
		all = append(all, lay(index, e))
		whole = e.Transfer != nil && e.Transfer.Event == lowlog.Claimed // the first of them
		return !whole && len(all) < historyEach
	})
	return all, whole || looked == size, err
}
