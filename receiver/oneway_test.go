package receiver

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"pawl/hw/nic"
)

// fakeMeter is an interface whose counters a test sets.
type fakeMeter struct {
	counters nic.Counters
	err      error
}

func (m *fakeMeter) Device() string              { return "in0" }
func (m *fakeMeter) Read() (nic.Counters, error) { return m.counters, m.err }

func TestOneWayWatch(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	meter := &fakeMeter{counters: nic.Counters{TxPackets: 5, TxBytes: 500, RxPackets: 1000}}
	r := &Receiver{log: zap.New(core), cfg: Config{Watches: []Watch{
		{Listen: "10.9.0.2:4600", Meter: meter}, {Listen: "127.0.0.1:4600", Reason: nic.ErrLoopback.Error()},
	}}}
	r.beginWatch()
	start := time.Now()
	look := func() OneWayStatus {
		all := r.watchOneWay(start)
		if len(all) != 2 || all[1].Watched || all[1].Reason == "" || all[1].Listen != "127.0.0.1:4600" {
			t.Fatalf("the loopback: %+v", all)
		}
		return all[0]
	}
	check := func(want OneWayStatus, alarms int) {
		t.Helper()
		got := look()
		if got.LastMoved != nil && !got.LastMoved.Equal(start) {
			t.Errorf("last moved at %v", got.LastMoved)
		}
		if (got.LastMoved != nil) != (want.Moved > 0) {
			t.Errorf("last moved %v with %d moved", got.LastMoved, got.Moved)
		}
		got.LastMoved, want.Listen, want.Interface, want.TxAtStart = nil, "10.9.0.2:4600", "in0", 5
		if got != want || logs.Len() != alarms {
			t.Errorf("%d alarms, want %d\n%+v, want\n%+v", logs.Len(), alarms, got, want)
		}
	}
	check(OneWayStatus{Watched: true, TxNow: 5}, 0)
	meter.counters.RxPackets += 20
	check(OneWayStatus{Watched: true, TxNow: 5, Received: 20}, 0)
	meter.counters.TxPackets, meter.counters.TxBytes = 7, 700
	check(OneWayStatus{Watched: true, TxNow: 7, Moved: 2, MovedByte: 200, Received: 20}, 1)
	check(OneWayStatus{Watched: true, TxNow: 7, Moved: 2, MovedByte: 200, Received: 20}, 1)
	meter.counters.TxPackets = 8 // again: the alarm was told
	check(OneWayStatus{Watched: true, TxNow: 8, Moved: 3, MovedByte: 200, Received: 20}, 1)
	meter.counters = nic.Counters{TxPackets: 1} // the interface was made anew
	check(OneWayStatus{Watched: true, TxNow: 1, Moved: 4, MovedByte: 200, Received: 20}, 1)
	meter.err = errors.New("no such device")
	check(OneWayStatus{TxNow: 1, Moved: 4, MovedByte: 200, Received: 20, Reason: "no such device"}, 2)
	check(OneWayStatus{TxNow: 1, Moved: 4, MovedByte: 200, Received: 20, Reason: "no such device"}, 2)
	meter.err = nil
	check(OneWayStatus{Watched: true, TxNow: 1, Moved: 4, MovedByte: 200, Received: 20}, 2)
}

func TestOneWayCannotBegin(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	r := &Receiver{log: zap.New(core), cfg: Config{Watches: []Watch{{Meter: &fakeMeter{err: errors.New("gone")}}}}}
	r.beginWatch()
	if all := r.watchOneWay(time.Now()); all[0].Watched || all[0].Reason != "gone" || logs.Len() != 1 {
		t.Errorf("%+v, %d alarms", all, logs.Len())
	}
}

func TestStrays(t *testing.T) {
	watched := OneWayStatus{Watched: true, Received: 100}
	for _, c := range []struct {
		all            []OneWayStatus
		taken, dropped uint64
		want           int
	}{
		{nil, 0, 0, -1},
		{[]OneWayStatus{watched, {}}, 0, 0, -1},
		{[]OneWayStatus{watched, watched}, 150, 30, 20},
		{[]OneWayStatus{watched}, 99, 50, 0}, // joined packets, or read a moment later
	} {
		got := strays(c.all, c.taken, c.dropped)
		if (got == nil) != (c.want < 0) || got != nil && *got != uint64(c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
