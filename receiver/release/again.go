package release

import (
	"reflect"
	"sync"

	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// again remembers what was entered in the audit log of each transfer since it came into checking. A try that is made again, for days while a store
// is away, has nothing new to say and enters nothing. A program that starts anew says everything once more.
type again struct {
	mu sync.Mutex
	of map[quarantine.ID]*entered
}

// entered is what the log has of one transfer.
type entered struct {
	verdict string         // what the checks said last
	file    []byte         // whose digest was entered with that
	release *audit.Release // the last one
	words   string         // of people, when that was entered
	receipt audit.Receipt  // of that
}

// file is the one whose digest was entered when the checks said the same before; nil when they did not.
func (a *again) file(id quarantine.ID, says string) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.of[id]; e != nil && e.verdict == says {
		return e.file
	}
	return nil
}

// said notes that a verdict is in the log. A release that was entered before it is not one by it.
func (a *again) said(id quarantine.ID, says string, file []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[quarantine.ID]*entered{}
	}
	a.of[id] = &entered{verdict: says, file: file}
}

// receipt is that of the very entry, if nobody has said anything since it was made.
func (a *again) receipt(id quarantine.ID, r *audit.Release, words string) (audit.Receipt, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.of[id]
	if e == nil || e.release == nil || e.words != words || !reflect.DeepEqual(e.release, r) {
		return audit.Receipt{}, false
	}
	return e.receipt, true
}

// keep notes the receipt of a release.
func (a *again) keep(id quarantine.ID, r *audit.Release, words string, receipt audit.Receipt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.of[id]; e != nil {
		e.release, e.words, e.receipt = r, words, receipt
	}
}

// forget is for a transfer that leaves checking.
func (a *again) forget(id quarantine.ID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.of, id)
}
