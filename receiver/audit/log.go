package audit

import (
	"fmt"
	"sync"
	"time"

	"pawl/framing/merkle"
)

// Receipt says that an entry is on disk under a signed checkpoint. Only [Log.Append] makes one that proves something;
// the zero one is worth nothing.
type Receipt struct {
	made    bool
	index   int64
	release Release
}

// Valid says whether an Append made r.
func (r Receipt) Valid() bool { return r.made }

// Index is the entry's place in the log, from 0.
func (r Receipt) Index() int64 { return r.index }

// Releases says whether r is for the entry that lets this transfer, by this proof, into this inbox. proof is the
// SHA-256 of the proof's body.
func (r Receipt) Releases(transfer string, proof [32]byte, inbox string) bool {
	return r.made && r.release.Transfer == transfer && r.release.Inbox == inbox && r.release.Proof == fmt.Sprintf("%x", proof)
}

// Log is the audit log for who enters something. It is safe for concurrent use, and other programs may have the same
// log open.
type Log struct {
	mu     sync.Mutex
	writer *merkle.Writer
	now    func() time.Time
	kept   Keeper // nil: nobody
}

// Open opens the log in a folder, or begins one in an empty folder; it says whether it is new, which is worth a word
// to people: a log that was there yesterday may not have been mounted.
//
//	folder, err := disk.OpenFolder("/var/lib/pawl/audit")
//	key, err := keyfile.AuditKey("/etc/pawl-release/audit.key")
//	log, begun, err := audit.Open(folder, key, time.Now)
//	receipt, err := log.Append("alice", &audit.Approval{Transfer: id.String(), Who: "alice", Proof: body})
func Open(store merkle.Store, key *merkle.Key, now func() time.Time) (log *Log, begun bool, err error) {
	w, begun, err := merkle.NewWriter(store, key)
	if err != nil {
		return nil, false, fmt.Errorf("audit: %w", err)
	}
	return &Log{writer: w, now: now}, begun, nil
}

// Append enters that somebody did something, now. When it returns a Receipt the entry is on disk and stays in the log
// for good. After an error it may be there or not, and the next Append goes on by itself once the reason is gone. Errors
// wrap [ErrEntry] (and [ErrUnbalanced]) when the entry is refused, and those of merkle.Writer.Append.
func (l *Log) Append(by string, body Body) (Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &Entry{When: l.now().UTC().Truncate(time.Millisecond), By: Text(by)}
	body.enter(e)
	data, err := AppendEntry(nil, e)
	if err != nil {
		return Receipt{}, fmt.Errorf("audit: %w", err)
	}
	index, err := l.writer.Append(data)
	if err != nil {
		return Receipt{}, fmt.Errorf("audit: %w", err)
	}
	if l.kept != nil {
		if err := l.kept.Keep(l.writer.Checkpoint().Note()); err != nil {
			return Receipt{}, fmt.Errorf("audit: keep the checkpoint: %w", err)
		}
	}
	r := Receipt{made: true, index: index}
	if e.Release != nil {
		r.release = *e.Release
	}
	return r, nil
}

// Checkpoint is the log's last one that this program wrote or read.
func (l *Log) Checkpoint() merkle.Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writer.Checkpoint()
}

// Off is the audit log of a gateway whose owner wants none: it keeps nothing, and gives the receipts that a release
// needs. A configuration must ask for it in so many words.
type Off struct{}

// Append checks the entry and forgets it. The receipt's index is -1.
func (Off) Append(by string, body Body) (Receipt, error) {
	e := &Entry{When: time.Unix(0, 0).UTC(), By: Text(by)}
	body.enter(e)
	if err := e.check(); err != nil {
		return Receipt{}, fmt.Errorf("audit: %w", err)
	}
	r := Receipt{made: true, index: -1}
	if e.Release != nil {
		r.release = *e.Release
	}
	return r, nil
}
