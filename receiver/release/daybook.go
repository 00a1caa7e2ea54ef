package release

import (
	"fmt"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// maxLedgers bounds the ledgers that are entered in a day: one for the day, and one for each run of pawl-receive. Whoever has taken it
// over can pretend to start as often as it likes; what is beyond is said as a gap.
const maxLedgers = 32

// daybook turns what pawl-receive counts since its start into ledgers, one a day and one for the end of each of its runs. Each
// goes on exactly where the one before ended, over restarts of both programs; what nobody counted is a gap.
type daybook struct {
	mark    *audit.Mark // where the next ledger begins in the run it is of; nil: no ledger yet
	to      time.Time   // end of the last ledger; zero: none yet
	gaps    []audit.Gap
	now     *audit.Mark // of the run that is looked at; nil: none yet
	account quarantine.Account
	day     string // in which entered counts
	entered int
}

// goOn makes the daybook go on from the last ledger in the log, nil for none.
func (d *daybook) goOn(last *audit.Ledger) {
	if last != nil && last.Mark != nil {
		d.mark, d.to = last.Mark, last.To
	}
}

const dayForm = "2006-01-02"

// look takes in what pawl-receive says, and returns a ledger when one is due: the run that it is of has ended, or the day.
func (d *daybook) look(s *quarantine.Situation, now time.Time) (due *audit.Ledger) {
	if s != nil && s.Account != nil {
		next := markOf(s)
		if d.now != nil && !d.now.Started.Equal(next.Started) {
			due = d.close(now)
			if due != nil {
				return due // it is looked at again once that is entered
			}
		}
		d.begin(next, s.Account)
	}
	if d.now != nil && now.UTC().Format(dayForm) != d.from().UTC().Format(dayForm) && d.account.Time.After(d.from()) {
		return d.close(now)
	}
	return nil
}

// begin goes on in a run, or goes over to another.
func (d *daybook) begin(next *audit.Mark, a *quarantine.Account) {
	switch {
	case d.mark == nil: // nothing was ever entered
		d.mark, d.to = zeroMark(next.Started), next.Started
	case !d.mark.Started.Equal(next.Started):
		// The run before may have counted more than the last ledger tells; nobody knows.
		d.gap(d.to, next.Started)
		d.mark, d.to = zeroMark(next.Started), next.Started
	}
	d.now, d.account = next, *a
}

// from is where the next ledger begins.
func (d *daybook) from() time.Time { return d.to }

// gap notes that nobody counted; the ends of too many become one.
func (d *daybook) gap(from, to time.Time) {
	if !to.After(from) {
		return
	}
	g := audit.Gap{From: whole(from), To: whole(to)}
	if n := len(d.gaps); n == audit.MaxGaps {
		d.gaps[n-1].To = g.To
		return
	}
	d.gaps = append(d.gaps, g)
}

// close makes the ledger from where the last one ended to what was seen last; nil when there is none to make, or were too many today.
func (d *daybook) close(now time.Time) *audit.Ledger {
	if d.now == nil || !d.account.Time.After(d.to) {
		d.now = nil
		return nil
	}
	if today := now.UTC().Format(dayForm); today != d.day {
		d.day, d.entered = today, 0
	}
	if d.entered >= maxLedgers {
		d.now = nil
		return nil // begin says it as a gap
	}
	return d.ledger()
}

// done says that the ledger that look or close gave is in the log.
func (d *daybook) done(l *audit.Ledger) {
	d.mark, d.to, d.gaps = l.Mark, l.To, nil
	d.entered++
	d.now = nil
}

// ledger is the difference between what was seen last and the mark.
func (d *daybook) ledger() *audit.Ledger {
	was, is := d.mark, d.now
	l := &audit.Ledger{
		Day: whole(d.to).Format(dayForm), From: whole(d.to), To: whole(d.account.Time), Rejected: map[string]uint64{}, Gaps: d.gaps, Mark: is,
		DropsExact: d.account.DropsExact, Unsettled: !d.account.Settled && d.account.Blind == "", Unknown: audit.Text(d.account.Blind),
	}
	for _, c := range []struct {
		into    *uint64
		was, is uint64
	}{
		{&l.Received, was.Octets, is.Octets}, {&l.Delivered, was.Delivered, is.Delivered}, {&l.Repair, was.Repair, is.Repair},
		{&l.Duplicate, was.Duplicate, is.Duplicate}, {&l.Control, was.Control, is.Control}, {&l.Drops, was.Drops, is.Drops},
		{&l.Missed, was.Missed, is.Missed},
	} {
		*c.into = over(c.was, c.is)
	}
	for reason, n := range is.Rejected {
		if more := over(was.Rejected[reason], n); more > 0 {
			l.Rejected[reason] = more
		}
	}
	taken := over(was.Received, is.Received)
	switch {
	case l.Unknown != "":
		l.Received = taken
	case was.Octets == 0 && was.Received > 0:
		// The interfaces were not known when the last ledger was entered: what they count is not of the same time.
		l.Received, l.Unknown = taken, "the interfaces were not watched from the begin on"
	default:
		// Below 0 there is more in the columns than came: then it is in off.
		l.Dropped = uint64(max(int64(l.Received-taken), 0))
	}
	if frames := over(was.Frames, is.Frames); l.DropsExact && l.Unknown == "" && !l.Unsettled {
		taken := over(was.Packets, is.Packets)
		l.Strays = frames - min(frames, taken+l.Drops)
	}
	l.Off = l.Difference()
	return l
}

// over is how far a counter of one run has gone; one that went back, which no honest run has, has gone nowhere.
func over(was, is uint64) uint64 { return is - min(is, was) }

// whole is a time as it is entered.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func zeroMark(started time.Time) *audit.Mark {
	return &audit.Mark{Started: whole(started), Rejected: map[string]uint64{}}
}

// markOf is what pawl-receive has counted by its newest account.
func markOf(s *quarantine.Situation) *audit.Mark {
	a := s.Account
	m := &audit.Mark{
		Started: whole(s.Started), Received: a.Ledger.Received.Bytes, Delivered: a.Ledger.Delivered.Bytes, Repair: a.Ledger.Repair.Bytes,
		Duplicate: a.Ledger.Duplicate.Bytes, Control: a.Ledger.Control.Bytes, Rejected: map[string]uint64{}, Frames: a.Frames, Octets: a.Octets,
		Packets: a.Ledger.Received.Packets, Drops: a.Drops, Missed: a.Missed,
	}
	for reason, c := range a.Ledger.Rejected {
		m.Rejected[audit.Text(reason)] = c.Bytes
	}
	return m
}

// describe is a ledger in a few words.
func describe(l *audit.Ledger) string {
	return fmt.Sprintf("%d octets, %d dropped, %d in no column", l.Received, l.Dropped, l.Off)
}
