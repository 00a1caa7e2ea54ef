package release

import (
	"fmt"

	"go.uber.org/zap/zapcore"
)

// tap gives every log line with its fields to events, as one text.
type tap struct {
	zapcore.Core
	to *events
}

func (c *tap) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	return ce.AddCore(e, c)
}

func (c *tap) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(enc)
	}
	c.to.add(fmt.Sprint(e.Message, " ", enc.Fields))
	return nil
}

func (c *tap) Enabled(zapcore.Level) bool { return true }
