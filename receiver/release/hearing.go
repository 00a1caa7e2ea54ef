package release

import (
	"encoding/hex"
	"fmt"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

const (
	// hearEvery is how often a checkpoint of the low side's log is entered that goes on from the one before.
	hearEvery = time.Hour
	// shrunkFor is how long a log must be heard to be shorter: beats of several links may overtake each other.
	shrunkFor = 10 * time.Second
	// maxHeard bounds what is entered in a day, whatever the low side says: 24 checkpoints, and alarms.
	maxHeard = 100
	// maxEntries is the largest log that an entry can tell of: canonical JSON has integers of 53 bits.
	maxEntries = 1<<53 - 1
)

// checkpoint is what a beat says of the low side's log; without entries it keeps none.
type checkpoint struct {
	size uint64
	root string // hexadecimal
}

// hearing is the witness of the low side's log: it says which of the checkpoints in beats are entered, and which can't be of one log.
type hearing struct {
	last    checkpoint // heard; zero: nothing yet
	entered checkpoint // of them the one in the log
	at      time.Time  // when that was entered
	shrunk  time.Time  // since when the log is heard to be shorter; zero: it is not
	waiting []*audit.Witness
	day     string
	count   int
	quiet   uint64
	alarm   string // the last, for who asks
	alarmAt time.Time
}

// goOn makes it go on from what is in the log.
func (h *hearing) goOn(p *audit.Past) {
	if p.Heard != nil {
		h.last = checkpoint{p.Heard.Size, p.Heard.Root}
		h.entered, h.at = h.last, p.HeardAt
	}
	if p.Alarm != nil {
		h.alarm, h.alarmAt = p.Alarm.Alarm, p.AlarmAt
	}
}

// hear takes in what the low side was last heard to say, and returns what is to be entered: nothing, most of the time.
func (h *hearing) hear(b *quarantine.Beat, now time.Time) []*audit.Witness {
	if b == nil {
		return h.waiting
	}
	is, ok := checkpointOf(b)
	if !ok || is == (checkpoint{}) && h.last == (checkpoint{}) {
		return h.waiting
	}
	why := ""
	switch {
	case is == h.last:
		h.shrunk = time.Time{}
	case is.size > h.last.size:
		h.last, h.shrunk = is, time.Time{}
	case is.size == h.last.size:
		why = fmt.Sprintf("another root than was heard before at the same %d entries: the low side's log was forked", is.size)
	case h.shrunk.IsZero():
		h.shrunk = now
	case now.Sub(h.shrunk) >= shrunkFor && is.size == 0:
		why = fmt.Sprintf("the low side tells of no audit log any more, which had %d entries", h.last.size)
	case now.Sub(h.shrunk) >= shrunkFor:
		why = fmt.Sprintf("the low side's log went back from %d to %d entries", h.last.size, is.size)
	}
	switch {
	case why != "":
		h.tell(now, h.last, "") // the other half of the contradiction
		h.last, h.shrunk = is, time.Time{}
		h.alarm, h.alarmAt = why, now
		h.tell(now, is, why)
	case now.Sub(h.at) >= hearEvery || h.entered == (checkpoint{}):
		h.tell(now, h.last, "")
	}
	return h.waiting
}

// rest is what is to be entered at the end.
func (h *hearing) rest(now time.Time) []*audit.Witness {
	h.tell(now, h.last, "")
	return h.waiting
}

// tell puts a checkpoint among those to be entered, unless it is the one entered last or too many were.
func (h *hearing) tell(now time.Time, c checkpoint, why string) {
	if c == h.entered && why == "" || c.size == 0 && why == "" {
		return
	}
	if today := now.UTC().Format(dayForm); today != h.day {
		h.day, h.count = today, 0
	}
	if h.count >= maxHeard {
		h.quiet++
		h.at = now // and not tried again every second
		return
	}
	h.count++
	h.waiting = append(h.waiting, &audit.Witness{Size: c.size, Root: c.root, Alarm: why, Quiet: h.quiet})
	h.quiet, h.entered, h.at = 0, c, now
}

// done says that the first so many of what is to be entered are in the log.
func (h *hearing) done(n int) { h.waiting = h.waiting[n:] }

// checkpointOf reads the low side's word; ok is false for what can't be a checkpoint.
func checkpointOf(b *quarantine.Beat) (c checkpoint, ok bool) {
	if b.LogSize == 0 {
		return checkpoint{}, true
	}
	root, err := hex.DecodeString(b.LogRoot)
	if err != nil || len(root) != 32 || b.LogSize > maxEntries {
		return checkpoint{}, false
	}
	return checkpoint{b.LogSize, hex.EncodeToString(root)}, true
}
