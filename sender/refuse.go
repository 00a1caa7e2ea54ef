package sender

import (
	"errors"
	"fmt"
)

// ErrRefused is wrapped by errors about entries that may not cross: their names, what they
// are, or that they cannot be read. No packet of them was sent.
var ErrRefused = errors.New("refused")

// ErrAborted is wrapped by errors about transfers that were given up after their first
// packet; the receiver is told by an aborted proof.
var ErrAborted = errors.New("aborted")

// fault is one entry at fault and the reason, of a refusal or of an abort.
type fault struct {
	kind   error  // ErrRefused or ErrAborted
	path   string // from the top-level name down; "" when no entry is at fault
	reason string
}

func (f *fault) Error() string {
	if f.path == "" {
		return fmt.Sprintf("%v: %s", f.kind, f.reason)
	}
	return fmt.Sprintf("%v: %q: %s", f.kind, f.path, f.reason)
}

func (f *fault) Unwrap() error { return f.kind }

func refuse(path, format string, args ...any) error {
	return &fault{kind: ErrRefused, path: path, reason: fmt.Sprintf(format, args...)}
}

func abort(path, format string, args ...any) error {
	return &fault{kind: ErrAborted, path: path, reason: fmt.Sprintf(format, args...)}
}
