package release

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// said is what a pawl-receive that was started at a time says it counted: n datagrams of 1000 octets delivered, as many frames and lost more
// that the kernel dropped.
func said(started, at time.Time, n, lost uint64) *quarantine.Situation {
	c := quarantine.Count{Packets: n, Bytes: 1000 * n}
	return &quarantine.Situation{Time: at, Started: started, Account: &quarantine.Account{
		Time: at, Settled: true, Ledger: quarantine.Ledger{Received: c, Delivered: c}, Frames: n + lost, Octets: 1000 * (n + lost), Drops: lost, DropsExact: true,
	}}
}

// TestDaybook: ledgers go on where the one before ended, over a day's end and restarts of both programs; what nobody counted is a gap.
func TestDaybook(t *testing.T) {
	d := new(daybook)
	var all []*audit.Ledger
	keep := func(l *audit.Ledger) {
		t.Helper()
		if l == nil {
			t.Fatal("no ledger was due")
		}
		if err := fit(l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
		d.done(l)
	}
	none := func(l *audit.Ledger) {
		t.Helper()
		if l != nil {
			t.Fatalf("a ledger: %+v", l)
		}
	}
	at := func(h float64) time.Time { return midnight.Add(time.Duration(h * float64(time.Hour))) }
	first, second := at(1), at(30)
	none(d.look(said(first, at(2), 10, 0), at(2)))
	none(d.look(said(first, at(23.9), 100, 3), at(23.9)))
	keep(d.look(said(first, at(24.1), 110, 3), at(24.1))) // the day is over
	none(d.look(said(first, at(25), 120, 3), at(25)))
	// pawl-release is restarted: it enters what there is, and goes on from the log.
	keep(d.close(at(25)))
	d = new(daybook)
	d.goOn(all[1])
	none(d.look(said(first, at(26), 150, 5), at(26)))
	// pawl-receive is restarted.
	keep(d.look(said(second, at(30.1), 7, 0), at(30.1)))
	none(d.look(said(second, at(30.1), 7, 0), at(30.1)))
	keep(d.close(at(30.2)))
	// Both are down over two days, and pawl-receive starts a third time.
	d = new(daybook)
	d.goOn(all[3])
	none(d.look(nil, at(80)))
	none(d.look(said(at(79), at(80), 1, 0), at(80)))
	keep(d.close(at(80)))

	var got []string
	sum := uint64(0)
	for i, l := range all {
		if i > 0 && len(l.Gaps) == 0 && !l.From.Equal(all[i-1].To) {
			t.Errorf("ledger %d begins at %v, the one before ended at %v, and there is no gap", i, l.From, all[i-1].To)
		}
		got = append(got, fmt.Sprintf("%s %d+%d/%d", l.Day[8:], l.Delivered/1000, l.Dropped/1000, len(l.Gaps)))
		sum += l.Received
	}
	if want := "23 110+3/0, 24 10+0/0, 24 30+2/0, 24 7+0/1, 24 1+0/1"; strings.Join(got, ", ") != strings.Replace(want, "24 1+0", "26 1+0", 1) {
		t.Errorf("ledgers %v", got)
	}
	if sum != 1000*(155+7+1) {
		t.Errorf("%d octets in all ledgers", sum)
	}
	if g := all[3].Gaps[0]; !g.From.Equal(at(26)) || !g.To.Equal(second) {
		t.Errorf("gap %+v", g)
	}
}

// fit says whether the log would take a ledger.
func fit(l *audit.Ledger) error {
	_, err := audit.Off{}.Append("x", l)
	return err
}

// TestDaybookOfLiars: counters that go back, days that never end and a thousand starts make no ledger that the log refuses, and not many.
func TestDaybookOfLiars(t *testing.T) {
	d := new(daybook)
	count := 0
	for n := range 2000 {
		now := midnight.Add(time.Duration(n) * time.Second)
		s := said(now.Truncate(2*time.Second), now, uint64(n*7919%100), uint64(n%3))
		s.Account.Settled = n%5 > 0
		if n%11 == 0 {
			s.Account.Blind, s.Account.Octets = "loopback", 0
		}
		if l := d.look(s, now); l != nil {
			if err := fit(l); err != nil {
				t.Fatalf("%d: %v", n, err)
			}
			d.done(l)
			count++
		}
	}
	if count > maxLedgers || count < 2 {
		t.Errorf("%d ledgers in a day", count)
	}
	if len(d.gaps) > audit.MaxGaps {
		t.Errorf("%d gaps", len(d.gaps))
	}
}

func beatOf(size uint64, root byte) *quarantine.Beat {
	return &quarantine.Beat{LogSize: size, LogRoot: strings.Repeat(fmt.Sprintf("%02x", root), 32)}
}

// TestHearing: one checkpoint an hour; a log that shrinks, is another at the same size or is gone is an alarm, with both halves of the
// contradiction entered; beats that overtake each other are none.
func TestHearing(t *testing.T) {
	h := new(hearing)
	now := midnight
	var entered []string
	hear := func(after time.Duration, b *quarantine.Beat) {
		now = now.Add(after)
		all := h.hear(b, now)
		for _, w := range all {
			word := fmt.Sprint(w.Size)
			if w.Alarm != "" {
				word += "!"
			}
			entered = append(entered, word)
		}
		h.done(len(all))
	}
	hear(0, nil)
	hear(time.Second, &quarantine.Beat{})
	hear(time.Second, beatOf(5, 1))
	for n := range uint64(3600) {
		hear(time.Second, beatOf(6+n, 1))
	}
	hear(time.Second, beatOf(3600, 7)) // another link's beat, overtaken
	hear(time.Second, beatOf(4000, 1))
	hear(time.Second, beatOf(4000, 2)) // forked
	hear(time.Second, beatOf(4000, 2))
	hear(time.Second, beatOf(10, 2))
	hear(shrunkFor, beatOf(10, 2)) // rolled back
	hear(time.Second, &quarantine.Beat{})
	hear(shrunkFor, &quarantine.Beat{})
	hear(time.Second, &quarantine.Beat{LogSize: 1 << 60, LogRoot: "x"})
	if got := strings.Join(entered, " "); got != "5 3605 4000 4000! 10! 0!" {
		t.Errorf("entered %s", got)
	}
	if h.alarm == "" {
		t.Error("no alarm is told")
	}
	// After a restart it is held against what is in the log.
	again := new(hearing)
	again.goOn(&audit.Past{Heard: &audit.Witness{Size: 7, Root: beatOf(7, 1).LogRoot}, HeardAt: now})
	if all := again.hear(beatOf(7, 2), now); len(all) != 1 || all[0].Alarm == "" {
		t.Errorf("another root after a restart: %+v", all)
	}
}

// TestHearingIsBounded: whatever the low side says, a day has so many entries and no more, and what was too much is counted.
func TestHearingIsBounded(t *testing.T) {
	h := new(hearing)
	count := 0
	for n := range 24 * 3600 {
		now := midnight.Add(time.Duration(n) * time.Second)
		all := h.hear(beatOf(uint64(1+n%2), byte(n)), now)
		count += len(all)
		for _, w := range all {
			if _, err := (audit.Off{}).Append("x", w); err != nil {
				t.Fatal(err)
			}
		}
		h.done(len(all))
	}
	if count > maxHeard || count < 24 || h.quiet == 0 {
		t.Errorf("%d entries in a day, %d were too many", count, h.quiet)
	}
	if all := h.hear(beatOf(1<<40, 1), midnight.Add(25*time.Hour)); len(all) != 1 || all[0].Quiet == 0 {
		t.Errorf("the next day: %+v", all)
	}
}
