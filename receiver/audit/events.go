package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// waits are what a transfer can wait for in held with nobody having anything to mend, as its reason begins.
var waits = []string{"waits for approval", "waits for the release window", "waits until"}

// waitOf says what a transfer waits for by the reason that it is held; "" when something is wrong with it.
func waitOf(reason string) string {
	for _, w := range waits {
		if strings.HasPrefix(reason, w) {
			return w
		}
	}
	return ""
}

func lineOf(index int64, e *Entry, format string, args ...any) Line {
	return Line{When: e.When, Index: index, By: e.By, Transfer: e.Body().About(), What: fmt.Sprintf(format, args...)}
}

// list adds a line to a list, up to a limit.
func list(to *[]Line, limit int, l Line) {
	if len(*to) < limit {
		*to = append(*to, l)
	}
}

// letting is a release that was entered and has not come to its end.
type letting struct {
	line         Line
	files, bytes uint64
}

// follow goes with each transfer through the whole log: what is said of a month needs what came before, and what became of it after. A release that is
// there twice, which a crash can make happen, counts once.
func (m *Month) follow(index int64, e *Entry, in bool) {
	switch b := e.Body().(type) {
	case *Release:
		m.letting[b.Transfer] = letting{lineOf(index, e, "%s: %s files, %s bytes, to %s, approved by %s", b.Name, grouped(b.Files), grouped(b.Bytes), b.Inbox,
			strings.Join(b.Approvals, ", ")), b.Files, b.Bytes}
	case *State:
		for _, i := range m.stories[b.Transfer] {
			m.Held[i].Became = b.To + " " + e.When.Format(dayForm)
		}
		if delete(m.holds, b.Transfer); b.To == stateHeld {
			m.holds[b.Transfer] = lineOf(index, e, "%s", b.Reason)
		}
		if l, there := m.letting[b.Transfer]; there && b.To == stateReleased && in {
			m.Released, m.Files, m.Bytes = m.Released+1, m.Files+l.files, m.Bytes+l.bytes
			list(&m.Releases, listed, l.line)
		}
		delete(m.letting, b.Transfer)
	}
}

// settle says which transfers are still held at the end of the log.
func (m *Month) settle() {
	m.NumWait = int64(len(m.holds))
	for _, l := range m.holds {
		m.Waiting = append(m.Waiting, l)
	}
	slices.SortFunc(m.Waiting, func(a, b Line) int { return cmp.Compare(a.Index, b.Index) })
	m.Waiting = m.Waiting[:min(len(m.Waiting), listed)]
}

// person counts for somebody.
func (m *Month) person(who string) *Person {
	if m.People[who] == nil {
		m.People[who] = new(Person)
	}
	return m.People[who]
}

// once counts a decision unless it was counted: a crash can make an entry be there twice. Those of earlier versions, which had no file, count each time.
func (m *Month) once(file string, count func()) {
	if file == "" || !m.words[file] {
		m.words[file] = true
		count()
	}
}

// state enters a change of state of the month.
func (m *Month) state(index int64, e *Entry, b *State) {
	m.States[b.To]++
	switch wait := waitOf(b.Reason); {
	case b.To == stateHeld && wait != "":
		m.Waits[wait]++
	case b.To == stateHeld:
		if m.NumHeld++; len(m.Held) < listed {
			m.stories[b.Transfer] = append(m.stories[b.Transfer], len(m.Held))
			m.Held = append(m.Held, lineOf(index, e, "%s", b.Reason))
		}
	case b.To == stateRejected && byPerson(e, b) && m.refused[b.Transfer]:
		// The move that follows a person's signed rejection, which is in the list.
	case b.To == stateRejected && byPerson(e, b):
		m.refuse(lineOf(index, e, "%s", b.Reason)) // where there are no people, in the name of who gave the command
	case b.To == stateRejected:
		m.NumFail++
		list(&m.Failed, listedRejected, lineOf(index, e, "%s", b.Reason))
	}
}

// byPerson says whether a move to rejected is a person's, and not the checks': those move out of checking in a program's name, and a person's rejection
// moves in the person's, with such a reason, from wherever it is.
func byPerson(e *Entry, b *State) bool {
	return b.From == stateHeld || strings.HasPrefix(b.Reason, "rejected by "+e.By+": ")
}

// refuse lists what a person rejected.
func (m *Month) refuse(l Line) {
	if m.NumRef++; len(m.Refused) < listedRejected {
		m.refused[l.Transfer] = true
		m.Refused = append(m.Refused, l)
	}
}

// add enters one entry of the month.
func (m *Month) add(index int64, e *Entry) {
	change := func(to *[]Line, format string, args ...any) { list(to, listed, lineOf(index, e, format, args...)) }
	switch b := e.Body().(type) {
	case *State:
		m.state(index, e, b)
	case *Approval:
		m.once(b.File, func() { m.person(b.Who).Approvals++ })
	case *Rejection:
		m.once(b.File, func() {
			m.person(b.Who).Rejections++
			m.refuse(lineOf(index, e, "rejected by %s: %s", b.Who, b.Reason))
		})
	case *Revocation:
		m.once(b.File, func() { m.person(b.Who).Revocations++ })
		change(&m.Changes, "approval of %s taken back: %s", b.Who, b.Reason)
	case *Policy:
		now := "is now sha256:" + b.Digest
		if b.Digest == "" {
			now = "is gone: nothing is asked of its content any more"
		}
		change(&m.Changes, "policy of channel %d %s %s", b.Channel, b.Name, now)
	case *Config:
		change(&m.Changes, "configuration of %s is now sha256:%s", b.Program, b.Digest)
	case *Ticket:
		m.flow(lineOf(index, e, "repair ticket"), b.Bits, b.Text)
	case *Shown:
		m.flow(lineOf(index, e, "receipt code"), b.Bits, b.Code)
	case *Removal:
		m.Removed++
	case *Login, *Refused:
		m.visit(b)
	case *Restored:
		change(&m.PutBack, "a log of %d entries in the place of one of %d: %s", b.Size, b.Kept, b.Reason)
	case *Witness:
		m.Witness = b
		m.Heard++
		if b.Alarm != "" {
			change(&m.Alarms, "%s (%d entries, root %s)", b.Alarm, b.Size, b.Root)
		}
	}
}

func (m *Month) flow(l Line, bits uint64, text string) {
	m.Bits += bits
	if m.NumFlow++; len(m.Flows) < listed {
		m.Flows = append(m.Flows, Flow{l, bits, text})
	}
}
