package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"pawl/framing/merkle"
)

// ErrRolledBack is wrapped, with merkle.ErrTruncated, ErrForked or ErrEmpty, or with the reason why the checkpoint is none of this log, when the log in
// a folder does not go on from the checkpoint that was kept: it was put back to an older state, is gone, or is another one.
var ErrRolledBack = errors.New("the audit log does not go on from the checkpoint that was kept of it")

// Keeper keeps the last checkpoint of a log in another place than the log: whoever puts an older log in its folder, which takes no key, is found out by it.
type Keeper interface {
	// Kept is what Keep was given last, by whatever program; nil when nothing was.
	Kept() ([]byte, error)
	// Keep keeps a checkpoint in place of the one before. When it returns nil, that lasts.
	Keep(note []byte) error
}

// OpenKept is Open of a log whose last checkpoint is kept, after each entry. One that does not go on from it is not touched: the error wraps [ErrRolledBack].
func OpenKept(store merkle.Store, key *merkle.Key, kept Keeper, now func() time.Time) (log *Log, begun bool, err error) {
	old, err := lookBehind(store, key.Public(), kept)
	if err != nil {
		return nil, false, fmt.Errorf("audit: %w", err)
	}
	if log, begun, err = Open(store, key, now); err != nil {
		return nil, false, err
	}
	if log.kept = kept; old.Note() == nil {
		err = kept.Keep(log.Checkpoint().Note())
	}
	return log, begun, err
}

// lookBehind holds the log against the checkpoint that was kept, and gives that; the zero one when none was.
func lookBehind(store merkle.Store, key merkle.Public, kept Keeper) (merkle.Checkpoint, error) {
	note, err := kept.Kept()
	if err != nil || note == nil {
		return merkle.Checkpoint{}, err
	}
	old, err := merkle.OpenCheckpoint(note, key)
	if err != nil {
		// Of a log with another key, or damaged: only a person knows which.
		return merkle.Checkpoint{}, fmt.Errorf("%w: that is not one of this log: %w", ErrRolledBack, err)
	}
	view, err := merkle.OpenView(store.FS(), key)
	if err == nil {
		err = view.Extends(old)
	}
	for _, contradicts := range []error{merkle.ErrTruncated, merkle.ErrForked, merkle.ErrEmpty} {
		if errors.Is(err, contradicts) {
			return old, fmt.Errorf("%w: %w", ErrRolledBack, err)
		}
	}
	return old, err
}

// Accept takes a log as it is although it does not go on from the checkpoint that was kept: somebody put it back from a backup, and says so. That is entered
// in it, with both checkpoints, and from then on this log's is kept. A log that does go on is left alone, and nil is returned for the entry.
func Accept(store merkle.Store, key *merkle.Key, kept Keeper, now func() time.Time, by, reason string) (*Restored, error) {
	old, err := lookBehind(store, key.Public(), kept)
	if err == nil || !errors.Is(err, ErrRolledBack) {
		return nil, err
	}
	log, _, err := Open(store, key, now)
	if err != nil {
		return nil, err
	}
	at := log.Checkpoint()
	entry := &Restored{Kept: uint64(old.Size), Size: uint64(at.Size), Root: hex.EncodeToString(at.Root[:]), Reason: Text(reason)}
	if old.Note() != nil {
		entry.KeptRoot = hex.EncodeToString(old.Root[:])
	}
	log.kept = kept
	_, err = log.Append(by, entry)
	return entry, err
}
