package sender

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap/zapcore"
)

// maxFault is what a beat can carry of a fault, in octets.
const maxFault = 120

// Fault is an error that the daemon met and went on from.
type Fault struct {
	Text string    `json:"text"` // printable, at most 120 octets
	When time.Time `json:"when"`
}

// faults keeps the last error that was logged: what is worth a line to the one who reads the log is worth telling the high
// side, where people look who cannot read it.
type faults struct {
	mu   sync.Mutex
	last Fault
}

// core is a zap core that keeps what passes it.
func (f *faults) core(next zapcore.Core) zapcore.Core { return &faultCore{Core: next, faults: f} }

// note keeps an error; reason may be "".
func (f *faults) note(when time.Time, text, reason string) {
	if reason != "" {
		text = fmt.Sprintf("%s: %s", text, reason)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = Fault{Text: shortText(text, maxFault), When: when}
}

// get returns the last error; its Text is "" if there was none.
func (f *faults) get() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

type faultCore struct {
	zapcore.Core
	faults *faults
}

func (c *faultCore) With(fields []zapcore.Field) zapcore.Core {
	return &faultCore{Core: c.Core.With(fields), faults: c.faults}
}

// Enabled makes the logger ask for errors whatever it is set to show.
func (c *faultCore) Enabled(l zapcore.Level) bool {
	return l >= zapcore.ErrorLevel || c.Core.Enabled(l)
}

// Check lets errors pass this core too; what the logger itself would not write is written nowhere else.
func (c *faultCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Level >= zapcore.ErrorLevel {
		checked = checked.AddCore(e, noteOnly{c})
	}
	return c.Core.Check(e, checked)
}

// noteOnly is the part of a faultCore that keeps an entry.
type noteOnly struct{ *faultCore }

func (n noteOnly) Write(e zapcore.Entry, fields []zapcore.Field) error {
	reason := ""
	for _, f := range fields {
		if err, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			reason = err.Error()
		}
	}
	n.faults.note(e.Time, e.Message, reason)
	return nil
}

// shortText is text as a beat may carry it: printable, in UTF-8, at most most octets.
func shortText(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if len(text) <= most {
		return text
	}
	const more = "..."
	cut := most - len(more)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
