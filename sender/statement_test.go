package sender

import (
	"testing"
	"time"

	"pawl/fec"
)

// TestStatement: a channel's own word is planned for, what it leaves out is the link's, and the small objects follow it too.
func TestStatement(t *testing.T) {
	link := fec.Link{Loss: 0.001, Burst: 5 * time.Millisecond, BurstEvery: time.Second, Rate: 1e9, SymbolSize: 1408, WireSize: 1538, Failure: 1e-9}
	for name, c := range map[string]struct {
		stated Statement
		want   func(*fec.Link)
	}{
		"nothing": {Statement{}, func(*fec.Link) {}},
		"loss":    {Statement{Loss: 0.05}, func(l *fec.Link) { l.Loss = 0.05 }},
		"burst":   {Statement{Burst: 20 * time.Millisecond}, func(l *fec.Link) { l.Burst, l.BurstEvery = 20*time.Millisecond, 0 }},
		"often":   {Statement{BurstEvery: time.Minute}, func(l *fec.Link) { l.BurstEvery = time.Minute }},
		"failure": {Statement{Failure: 1e-12}, func(l *fec.Link) { l.Failure = 1e-12 }},
	} {
		want := link
		c.want(&want)
		ch := newChannel(Channel{Name: name, Stated: c.stated}, link)
		for _, length := range []uint64{100, 1 << 20, 1 << 30} {
			got, err := ch.planner.object(length)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := want.Plan(length)
			if err != nil {
				t.Fatal(err)
			}
			if got != shape(length, plan) {
				t.Errorf("%s, %d octets: %+v, want %+v", name, length, got, plan)
			}
		}
	}
	dear := newChannel(Channel{Stated: Statement{Loss: 0.05}}, link)
	cheap := newChannel(Channel{}, link)
	a, errA := dear.planner.object(1 << 30)
	b, errB := cheap.planner.object(1 << 30)
	if errA != nil || errB != nil || a.R*b.K <= b.R*a.K {
		t.Errorf("5 %% loss costs %d of %d, 0.1 %% %d of %d: %v %v", a.R, a.K, b.R, b.K, errA, errB)
	}
}
