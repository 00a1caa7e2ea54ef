package console

import (
	"bytes"
	"slices"
	"sync"

	"pawl/framing/merkle"
	"pawl/receiver/audit"
)

// Bounds of looking for ledgers in the audit log.
const (
	ledgerDays = 31
	maxLedgers = 32 * ledgerDays // no more are entered in a day
	lookEach   = 4096            // entries that are read at a time, backwards
	lookMost   = 1 << 16         // entries that one request reads; the next goes on
)

// day is a ledger as the audit log has it.
type day struct {
	audit.Ledger
	Remarks []string `json:"remarks"` // what it does not know
}

// days are the ledgers of the last days. What of the log was looked at is not looked at again: a ledger may be a million entries back, and the page is asked for
// each second.
type days struct {
	mu   sync.Mutex
	low  int64 // entries before this were not looked at
	next int64 // nor were these and later ones
	full bool  // one of a day before the last ones was found
	all  []day // oldest first
}

// look finds the ledgers that it does not know yet and gives all, newest first, and whether there may be further ones that it did not come to.
func (d *days) look(view *merkle.View) (found []day, more bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	size := view.Checkpoint().Size
	if size < d.next || size-d.next > lookMost || d.next == 0 {
		d.low, d.next, d.full, d.all = size, size, false, nil // another log, or one that nobody looked at for long: from its end
	}
	later, err := ledgersOf(view, d.next, size)
	if err == nil {
		d.next, d.all = size, append(d.all, later...)
	}
	d.trim()
	for read := 0; err == nil && d.low > 0 && !d.full && read < lookMost; read += lookEach {
		var earlier []day
		from := max(0, d.low-lookEach) &^ 255 // entries are read 256 at a time
		if earlier, err = ledgersOf(view, from, d.low); err == nil {
			d.low, d.all = from, append(earlier, d.all...)
			d.trim()
		}
	}
	found = slices.Clone(d.all)
	slices.Reverse(found)
	return found, d.low > 0 && !d.full, err
}

// trim forgets what is of days before the last.
func (d *days) trim() {
	if n := d.surplus(); n > 0 {
		d.full, d.all = true, slices.Clone(d.all[n:])
	}
}

// surplus is how many of the oldest are of days before the last.
func (d *days) surplus() int {
	n, last := 0, ""
	for i := len(d.all) - 1; i >= 0; i-- {
		if d.all[i].Day != last {
			n, last = n+1, d.all[i].Day
		}
		if n > ledgerDays || len(d.all)-i > maxLedgers {
			return i + 1
		}
	}
	return 0
}

// ledgersOf reads the ledgers in a part of the log.
func ledgersOf(view *merkle.View, from, to int64) (found []day, err error) {
	if from >= to {
		return nil, nil
	}
	mark := []byte(`"ledger":{`)
	err = view.Entries(from, func(index int64, data []byte) bool {
		if bytes.Contains(data, mark) {
			if e, bad := audit.ParseEntry(data); bad == nil && e.Ledger != nil {
				found = append(found, day{*e.Ledger, append([]string{}, e.Ledger.Remarks()...)})
			}
		}
		return index+1 < to
	})
	return found, err
}
