package audit

import (
	"bytes"
	"errors"
	"maps"
	"time"

	"pawl/framing/merkle"
)

// Latest gives the entries of a log from its end backwards, until yield says no. Those that quick says no to are passed over without being
// parsed; a nil quick passes none over.
func Latest(view *merkle.View, quick func(data []byte) bool, yield func(e *Entry) bool) error {
	for end := view.Checkpoint().Size; end > 0; {
		from := max(end-lookBack, 0)
		var found [][]byte
		err := view.Entries(from, func(index int64, data []byte) bool {
			if index < end && (quick == nil || quick(data)) {
				found = append(found, bytes.Clone(data))
			}
			return index < end
		})
		if err != nil {
			return err
		}
		for i := len(found) - 1; i >= 0; i-- {
			e, err := ParseEntry(found[i])
			if err != nil || !yield(e) {
				return err
			}
		}
		end = from
	}
	return nil
}

// kindIs passes the entries of some kinds: a text that looks so has its quotes escaped.
func kindIs(kinds ...string) func(data []byte) bool {
	return func(data []byte) bool {
		for _, kind := range kinds {
			if bytes.Contains(data, []byte(`"`+kind+`":{`)) {
				return true
			}
		}
		return false
	}
}

// Past is what a program that keeps the byte ledger and is witness of the low side's log goes on from.
type Past struct {
	Ledger  *Ledger  // the last; nil: none yet
	Heard   *Witness // the last; nil: none yet
	HeardAt time.Time
	Alarm   *Witness // the last that is an alarm, in the time that was looked at; nil: none
	AlarmAt time.Time

	Incomplete []string // of the transfers that were asked about, those whose last state is incomplete
}

// LastIncomplete says of which of some transfers the log's last word is that they are incomplete. It reads the log from its end, and no further than it must.
func LastIncomplete(view *merkle.View, transfers map[string]bool) (found []string, err error) {
	left := maps.Clone(transfers)
	if len(left) == 0 {
		return nil, nil
	}
	err = Latest(view, kindIs("state"), func(e *Entry) bool {
		if e.State == nil || !left[e.State.Transfer] {
			return true
		}
		if delete(left, e.State.Transfer); e.State.To == stateIncomplete {
			found = append(found, e.State.Transfer)
		}
		return len(left) > 0
	})
	return found, err
}

// ReadPast reads a log from its end, for ledger and witness back to its beginning and for alarms back to since.
func ReadPast(view *merkle.View, since time.Time) (p Past, err error) {
	err = Latest(view, kindIs("ledger", "witness"), func(e *Entry) bool {
		if e.Ledger != nil && p.Ledger == nil {
			p.Ledger = e.Ledger
		}
		if e.Witness != nil && p.Heard == nil {
			p.Heard, p.HeardAt = e.Witness, e.When
		}
		if e.Witness != nil && e.Witness.Alarm != "" && p.Alarm == nil && !e.When.Before(since) {
			p.Alarm, p.AlarmAt = e.Witness, e.When
		}
		return p.Ledger == nil || p.Heard == nil || p.Alarm == nil && e.When.After(since)
	})
	return p, err
}

// LastAlarm is the last alarm about the low side's log since a time; nil for none. No entry before that time is parsed but one.
func LastAlarm(view *merkle.View, since time.Time) (alarm *Witness, when time.Time, err error) {
	err = Latest(view, nil, func(e *Entry) bool {
		if e.When.Before(since) {
			return false
		}
		if e.Witness != nil && e.Witness.Alarm != "" {
			alarm, when = e.Witness, e.When
		}
		return alarm == nil
	})
	return alarm, when, err
}

// LastPolicies are the digests of the channels' policies that counted last, by channel; "" for none.
func LastPolicies(view *merkle.View) (map[uint16]string, error) {
	last := map[uint16]string{}
	return last, errors.Join(Latest(view, kindIs("policy"), func(e *Entry) bool {
		if e.Policy == nil {
			return true
		}
		if _, known := last[e.Policy.Channel]; !known {
			last[e.Policy.Channel] = e.Policy.Digest
		}
		return true
	}))
}
