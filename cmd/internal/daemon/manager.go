package daemon

import (
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"

	"pawl/hw/clock"
)

// unwatched is how often liveness is looked at when no watchdog asks for it: for the log and the status.
const unwatched = 10 * time.Second

// statusLimit is the longest status line, octets: the manager shows it in one line.
const statusLimit = 300

// What is said to the service manager.
const (
	ready    = daemon.SdNotifyReady
	stopping = daemon.SdNotifyStopping
	watchdog = daemon.SdNotifyWatchdog
)

// manager is the service manager that started the program; without one nothing is said.
type manager struct {
	every time.Duration // from one look at liveness to the next: a third of what the watchdog waits
	log   *zap.Logger
	mute  bool // a failure was said
}

func newManager() *manager {
	m := &manager{every: unwatched, log: zap.NewNop()}
	// An unreadable WATCHDOG_USEC is that of no watchdog: the manager that set one can write it.
	if patience, err := daemon.SdWatchdogEnabled(false); err == nil && patience > 0 {
		m.every = max(patience/3, time.Millisecond)
	}
	return m
}

// say sends states, and a status line unless it is "".
func (m *manager) say(status string, states ...string) {
	if status != "" {
		states = append(states, "STATUS="+oneLine(status))
	}
	_, err := daemon.SdNotify(false, strings.Join(states, "\n"))
	if err != nil && !m.mute {
		m.log.Warn("service manager can't be told", zap.Error(err))
	}
	m.mute = err != nil
}

// reloading says that a reload begins, with the time that Type=notify-reload asks for.
func (m *manager) reloading() {
	states := []string{daemon.SdNotifyReloading}
	if at, err := clock.Monotonic(); err == nil {
		states = append(states, fmt.Sprintf("MONOTONIC_USEC=%d", at.Microseconds()))
	}
	m.say("reading the configuration again", states...)
}

// oneLine cuts a text to its first line and to the limit.
func oneLine(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if len(text) > statusLimit {
		text = strings.ToValidUTF8(text[:statusLimit], "") + "…"
	}
	return text
}
