package receiver

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// listener is a receiver that only hears beats, at times a test chooses.
func listener(t *testing.T, start time.Time, channels ...Channel) (*Receiver, *observer.ObservedLogs) {
	store, err := quarantine.Open(t.TempDir())
	must(t, err)
	core, logs := observer.New(zap.WarnLevel)
	r := &Receiver{
		log: zap.New(core), cfg: Config{Store: store, Channels: channels}, started: start,
		transfers: map[quarantine.ID]*transfer{}, finished: newFinished(),
	}
	r.low = newLowSide(nil, channels, start)
	return r, logs
}

func (r *Receiver) hearAt(b framing.Beat, at time.Time) {
	r.beat, r.beatHeard = &b, at
	r.low.hear(&b, at)
}

// one demands exactly one warning with certain words, or none where words is "".
func one(t *testing.T, r *Receiver, at time.Time, words string) {
	t.Helper()
	all := r.warnings(at)
	if words == "" && len(all) == 0 || words != "" && len(all) == 1 && strings.Contains(all[0], words) {
		return
	}
	t.Errorf("warnings %q, want one with %q", all, words)
}

func TestBeatsStop(t *testing.T) {
	start := time.Now()
	r, _ := listener(t, start)
	one(t, r, start.Add(beatsStop), "")
	one(t, r, start.Add(beatsStop+time.Second), "no beat for 11s")
	r.hearAt(framing.Beat{}, start.Add(time.Minute))
	one(t, r, start.Add(time.Minute+beatsStop), "")
	one(t, r, start.Add(2*time.Minute), "no beat for 1m0s")
}

func TestQueueGrows(t *testing.T) {
	start := time.Now()
	r, _ := listener(t, start)
	at := start
	feed := func(queue uint64) {
		for range 60 { // a beat a second
			at = at.Add(time.Second)
			r.hearAt(framing.Beat{Queue: queue, QueueBytes: queue << 20}, at)
		}
	}
	for i := range uint64(growthSamples) {
		feed(10 + i)
		one(t, r, at, "")
	}
	feed(30)
	one(t, r, at, "queue grew from 10 to")
	feed(5)
	one(t, r, at, "")
}

func TestAnnouncedAndNeverCame(t *testing.T) {
	start := time.Now()
	r, logs := listener(t, start)
	flight := func(transfer uint64, state framing.FlightState) framing.Flight {
		return framing.Flight{Channel: 1, Transfer: transfer, State: state, Passes: 1, Length: 100}
	}
	here := quarantine.ID{Channel: 1, Transfer: 7}
	if _, err := r.cfg.Store.Create(here); err != nil {
		t.Fatal(err)
	}
	r.hearAt(framing.Beat{Flights: []framing.Flight{
		flight(7, framing.FlightFinished), flight(8, framing.FlightFinished), flight(9, framing.FlightSending), flight(10, framing.FlightWaiting),
	}}, start)
	one(t, r, start.Add(time.Second), "") // packets may still be on their way
	one(t, r, start.Add(arrivesWithin), "1 transfers were announced and never came: [1-0000000000000008]")
	at := start.Add(arrivesWithin)
	r.hearAt(framing.Beat{Flights: []framing.Flight{flight(10, framing.FlightWaiting)}}, at) // 9 is no longer told of
	one(t, r, at.Add(arrivesWithin), "2 transfers were announced")
	if logs.Len() != 2 {
		t.Errorf("logged %d times", logs.Len())
	}
	r.hearAt(framing.Beat{Flights: []framing.Flight{flight(8, framing.FlightSending)}}, at.Add(arrivesWithin)) // sent again: 10 is over now
	one(t, r, at.Add(arrivesWithin+time.Second), "1 transfers were announced and never came: [1-0000000000000009]")
	r.finished.add(quarantine.ID{Channel: 1, Transfer: 9})
	r.finished.add(quarantine.ID{Channel: 1, Transfer: 10})
	r.beatHeard = at.Add(2 * lookAgain)
	one(t, r, at.Add(2*lookAgain), "")

	// A low side that invents transfers costs no more than the bound.
	for n := range uint64(3 * maxAnnounced) {
		r.hearAt(framing.Beat{Flights: []framing.Flight{flight(100+n, framing.FlightFinished)}}, at.Add(2*lookAgain))
	}
	if len(r.low.announced) > maxAnnounced {
		t.Errorf("%d are kept in mind", len(r.low.announced))
	}
	one(t, r, at.Add(2*lookAgain+arrivesWithin), "were announced and never came")
	if got := r.warnings(at.Add(2*lookAgain + arrivesWithin)); len(got[0]) > 300 {
		t.Errorf("a warning of %d characters", len(got[0]))
	}
}

func TestExpectedArrival(t *testing.T) {
	e, err := ParseExpectation("daily 06:00")
	must(t, err)
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	r, _ := listener(t, start, Channel{ID: 1, Name: "updates", Expect: []Expectation{e}, Grace: time.Hour})
	beat := func(at time.Time) time.Time { r.hearAt(framing.Beat{}, at); return at }
	one(t, r, beat(start.Add(time.Hour)), "")
	one(t, r, beat(time.Date(2026, 11, 23, 6, 59, 0, 0, time.UTC)), "")
	one(t, r, beat(time.Date(2026, 11, 23, 7, 1, 0, 0, time.UTC)), "channel updates: nothing came by 2026-11-23T07:00:00Z")
	r.low.arrived("updates", time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC))
	one(t, r, beat(time.Date(2026, 11, 23, 7, 31, 0, 0, time.UTC)), "")
	r.low = newLowSide(r.low.arrivals, r.cfg.Channels, start) // a restart forgets nothing
	one(t, r, beat(time.Date(2026, 11, 24, 7, 31, 0, 0, time.UTC)), "nothing came by 2026-11-24T07:00:00Z")
}

// TestSituation: what pawl-release reads of the status is what the receiver wrote.
func TestSituation(t *testing.T) {
	spare := 0.25
	s := Status{
		Rebuilt: 9, Margin: &spare,
		Time: time.Unix(1e9, 0).UTC(), Started: time.Unix(9e8, 0).UTC(), Warnings: []string{"w"}, Arriving: 3, Completed: 4, Incomplete: 5, PacketsLost: 6,
		KernelDrops: 7, WrittenBytes: 8, DiskTrouble: true,
		Beat:      beatStatus(&framing.Beat{Clock: 1, Queue: 2, Fault: "f", FaultAge: time.Second, LogSize: 9, Loss: 5000, Burst: time.Second, Room: 3}, time.Second),
		Transfers: []TransferStatus{{ID: "1-0000000000000007", Channel: "c", Blocks: 3, BlocksWritten: 2, Length: 5}},
	}
	s.Ledger.Received.Packets, s.Ledger.Rejected = 11, map[string]Count{"auth": {1, 2}}
	text, err := json.Marshal(s)
	must(t, err)
	var got quarantine.Situation
	must(t, json.Unmarshal(text, &got))
	want := quarantine.Situation{
		Rebuilt: 9, Margin: &spare,
		Time: s.Time, Started: s.Started, Warnings: s.Warnings, Beat: s.Beat, Arriving: 3, Completed: 4, Incomplete: 5, PacketsLost: 6, KernelDrops: 7,
		Written: 8, DiskTrouble: true, Transfers: []quarantine.Arriving{{ID: "1-0000000000000007", Channel: "c", Blocks: 3, BlocksWritten: 2, Length: 5}},
	}
	want.Ledger.Received.Packets, want.Ledger.Rejected = 11, map[string]quarantine.Count{"auth": {Packets: 1, Bytes: 2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}

// TestOvertakenBeats: of one run the one with the longer uptime counts, whatever link it came by; a new run counts at once.
func TestOvertakenBeats(t *testing.T) {
	run := framing.Beat{Clock: 1_000_000, Uptime: 100 * time.Second}
	for name, c := range map[string]struct {
		beat framing.Beat
		old  bool
	}{
		"a second later":            {framing.Beat{Clock: 1_001_000, Uptime: 101 * time.Second}, false},
		"the same":                  {run, false},
		"a second before":           {framing.Beat{Clock: 999_000, Uptime: 99 * time.Second}, true},
		"before, disciplined clock": {framing.Beat{Clock: 998_500, Uptime: 99 * time.Second}, true},
		"restarted":                 {framing.Beat{Clock: 1_005_000, Uptime: 2 * time.Second}, false},
		"clock set back":            {framing.Beat{Clock: 1000, Uptime: 99 * time.Second}, false},
		"hostile":                   {framing.Beat{Clock: -1 << 63, Uptime: 1}, false},
	} {
		if got := overtaken(&c.beat, &run); got != c.old {
			t.Errorf("%s: %v", name, got)
		}
	}
}
