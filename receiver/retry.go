package receiver

import (
	"errors"
	"net"
	"time"

	"go.uber.org/zap"
)

// Waits after a socket that can't be read (ENETDOWN, ENOMEM, ENOBUFS ...), before it is tried again.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = time.Second
)

// backoff is how long to wait after errors in a row.
type backoff struct{ next time.Duration }

// wait is the wait after one more error.
func (b *backoff) wait() time.Duration {
	now := max(b.next, firstRetry)
	b.next = min(2*now, lastRetry)
	return now
}

// pause waits, and says whether it did so to the end.
func pause(d time.Duration, stop <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}

// socketError is an error of one of several sockets, which is tried again by itself: nobody has to wait.
type socketError struct{ error }

func (e socketError) Unwrap() error { return e.error }

// faults are the errors in reading the link, as the status and the log tell of them.
type faults struct {
	count   uint64
	last    string // "" once the link can be read again
	until   time.Time
	backoff backoff
}

// faultQuiet is how long no error must come before one counts as over: of several sockets the others can be read meanwhile.
const faultQuiet = 2 * lastRetry

// failed notes an error in reading, which is said once, and returns how long to wait; false if the link is closed.
func (f *faults) failed(err error, now time.Time, log *zap.Logger) (wait time.Duration, ok bool) {
	if errors.Is(err, net.ErrClosed) {
		return 0, false
	}
	if f.count++; f.last == "" {
		log.Error("link can't be read: trying on", zap.Error(err))
	}
	f.last, f.until = err.Error(), now.Add(faultQuiet)
	if errors.As(err, new(socketError)) {
		return 0, true
	}
	return f.backoff.wait(), true
}

// settle says that the link can be read again, once no error came for a while.
func (f *faults) settle(now time.Time, log *zap.Logger) {
	if f.last != "" && now.After(f.until) {
		log.Info("link can be read again", zap.Uint64("errors", f.count))
		f.last = ""
	}
}
