package receiver

import (
	"context"
	"strings"
	"testing"
	"time"

	"pawl/fec"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// TestChangeUnderTraffic changes the channels again and again while transfers arrive: no packet is lost over it, what was arriving
// is finished though its channel is gone, a new channel is taken from then on, and one that is gone is not.
func TestChangeUnderTraffic(t *testing.T) {
	content, rng := random(t, 2<<20)
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	one, two := quarantine.ID{Channel: 1, Transfer: 1}, quarantine.ID{Channel: 2, Transfer: 2}
	symbols := append(l.transfer(one, content, fec.Leopard8, 128, 16), l.transfer(two, content, fec.Leopard8, 128, 16)...)
	plans := append(symbols[:4:4], symbols[len(symbols)/2:len(symbols)/2+4]...)
	h.wire.send(l.announce())
	h.wire.send(l.seal(plans)...) // both have begun
	changed := make(chan error)
	go func() {
		var err error
		for range 10 {
			c := Change{Idle: time.Minute, Channels: []Channel{{ID: 1, Name: "one", MaxTransfers: 1 + rng.IntN(9)}, {ID: 3, Name: "three"}}}
			if e := h.r.Change(context.Background(), c); e != nil {
				err = e
			}
		}
		changed <- err
	}()
	packets := l.seal(symbols)
	for ; len(packets) > 64; packets = packets[64:] {
		h.wire.send(packets[:64]...)
	}
	h.wire.send(packets...)
	must(t, <-changed)
	h.wantContent(h.waitState(one, quarantine.Complete), content)
	h.wantContent(h.waitState(two, quarantine.Complete), content)
	three := quarantine.ID{Channel: 3, Transfer: 3}
	h.wire.send(l.seal(l.transfer(three, content, fec.Leopard8, 128, 16))...)
	h.wantContent(h.waitState(three, quarantine.Complete), content)
	h.wire.send(l.seal(l.transfer(quarantine.ID{Channel: 2, Transfer: 4}, content[:1000], fec.Leopard8, 4, 4))...)
	s := h.settled()
	if s.PacketsLost != 0 || s.Ledger.Received.Packets != h.wire.total || s.Completed != 3 || s.Ledger.Rejected["channel"].Packets == 0 || len(s.Ledger.Rejected) != 1 {
		t.Errorf("%+v, %d sent", s, h.wire.total)
	}
}

func TestChangeRefuses(t *testing.T) {
	l := newLow(t, seal.ModeAESGCM)
	h := newHigh(t, l, nil)
	for want, c := range map[string]Change{
		"no channel is configured": {},
		"has no id":                {Channels: []Channel{{Name: "x"}}},
		"used twice":               {Channels: []Channel{{ID: 1, Name: "x"}, {ID: 1, Name: "y"}}},
	} {
		if err := h.r.Change(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	h.stop()
	if err := h.r.Change(t.Context(), Change{Channels: []Channel{{ID: 1}}}); err != errEnded {
		t.Errorf("after the end: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := New(h.cfg)
	must(t, err)
	if err := r.Change(ctx, Change{Channels: []Channel{{ID: 1}}}); err != context.Canceled {
		t.Errorf("before the begin: %v", err)
	}
}
