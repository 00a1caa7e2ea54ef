package bench

import (
	"time"

	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// moments reads from the quarantine when the transfer that lies there last crossed and was verified: the records of the programs are
// written at the moment, a look from outside comes later. What is known already and has no record stays.
func (r *rig) moments(t *times) error {
	state, id, err := r.stands()
	if err != nil || state == "" {
		return err
	}
	store, err := quarantine.View(r.high("quarantine"))
	if err != nil {
		return err
	}
	return recorded(store, state, id, t)
}

// recorded reads the moments of one transfer.
func recorded(store *quarantine.Store, state quarantine.State, id quarantine.ID, t *times) error {
	answer, err := release.LastAnswer(store.Dir(state, id))
	if err != nil {
		return err
	}
	if answer != nil && answer.Pass {
		t.verified = answer.When
	}
	crossed, err := reached(store, id, state, quarantine.Complete)
	if !crossed.IsZero() {
		t.crossed = crossed
	}
	return err
}

// reached is when a transfer came to a state first, zero if its history does not say so.
func reached(store *quarantine.Store, id quarantine.ID, now, state quarantine.State) (time.Time, error) {
	events, err := store.History(id, now)
	for _, e := range events {
		if e.To == state {
			return e.When, err
		}
	}
	return time.Time{}, err
}

// forecast is what pawl-send tells its planner of the link.
func (r *rig) forecast() fec.Link {
	s := &r.settings
	t, err := framing.SymbolSize(s.mtu, s.remote.Addr().Is6())
	if err != nil {
		return fec.Link{} // which has no plan, and a link of this MTU did not come up
	}
	f := fec.Link{
		Loss: s.loss, Burst: s.burst, BurstEvery: s.burstEvery, Rate: s.rate, SymbolSize: t,
		WireSize: link.WireSize(t+framing.Overhead, s.remote.Addr().Is6()), Survive: s.survive,
	}
	if n := len(s.more); n > 0 {
		for range n + 1 {
			f.Rates = append(f.Rates, s.rate)
		}
		f.Rate = s.rate * uint64(n+1)
	}
	return f
}
