package sender

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"pawl/framing"
)

// TestFaults: the last error that is logged is kept, with its cause, whatever the logger itself is set to show.
func TestFaultsKeepTheLastError(t *testing.T) {
	var f faults
	shown, lines := observer.New(zapcore.FatalLevel)
	log := zap.New(shown).WithOptions(zap.WrapCore(f.core))
	log.Info("fine")
	if got := f.get(); got.Text != "" {
		t.Fatalf("kept %q", got.Text)
	}
	log.With(zap.String("channel", "a")).Error("link refuses packets", zap.Int("n", 1), zap.Error(errors.New("network is down")))
	log.Warn("not that bad")
	if got := f.get(); got.Text != "link refuses packets: network is down" || got.When.IsZero() {
		t.Fatalf("kept %+v", got)
	}
	if lines.Len() != 0 {
		t.Errorf("the logger shows what it was told not to show: %v", lines.All())
	}
}

// TestShortText: whatever an error says, a beat can carry it.
func TestShortText(t *testing.T) {
	for _, text := range []string{
		"", "plain", "esc \x1b[2J", "bad utf \xff\xfe", "line\nfeed", strings.Repeat("é", 100), "\u202eright to left", strings.Repeat("x", 119) + "é",
		strings.Repeat("名", 40) + "x", "\u00a0nbsp", "🙂🙂",
	} {
		short := shortText(text, maxFault)
		b := framing.Beat{Fault: short, FaultAge: time.Second}
		if _, err := framing.AppendBeat(nil, &b, 1280); err != nil {
			t.Errorf("%q became %q: %v", text, short, err)
		}
		if len(text) <= maxFault && text == "plain" && short != text {
			t.Errorf("%q became %q", text, short)
		}
	}
}
