package console

import (
	"slices"
	"time"

	"pawl/receiver/audit"
)

// refusals are the refused log-ins of a name; of "" those of all names that are nobody's.
type refusals struct {
	last time.Time // when they were entered last
	sum  audit.Refused
}

// known gives the name where it is one of the people's, and otherwise "": what somebody typed there may be a passphrase.
func (v *visits) known(name string) string {
	if _, err := v.people.Find(name); err != nil {
		return ""
	}
	return name
}

// turnedAway counts a refused log-in. early: refused unlooked at, because too many came before.
func (v *visits) turnedAway(name, place string, early bool) {
	name = v.known(name)
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.refused[name]
	if r == nil {
		r = new(refusals)
		v.refused[name] = r
	}
	one := audit.Refused{Who: name, Tries: 1, From: []string{place}, Since: v.stamp()}
	if early {
		one.Early = 1
	}
	r.sum = together(r.sum, one)
	if v.due(r) {
		v.wake()
	}
}

// due says whether a sum is to be entered now. mu is held.
func (v *visits) due(r *refusals) bool {
	return r.sum.Tries > 0 && v.now().Sub(r.last) >= refusedEach && v.count().refused < maxRefused
}

// together adds two sums, the earlier one first.
func together(a, b audit.Refused) audit.Refused {
	if a.Tries == 0 {
		return b
	}
	a.Tries, a.Early, a.Others, a.From = a.Tries+b.Tries, a.Early+b.Early, a.Others+b.Others, slices.Clone(a.From)
	more := false
	for _, place := range b.From {
		if slices.Contains(a.From, place) {
			continue
		}
		if len(a.From) < audit.MaxPlaces {
			a.From = append(a.From, place)
		} else {
			more = true
		}
	}
	if more { // one try, or a sum that waited for the log: then how many of it came from there is not known
		a.Others += b.Tries - b.Others
	}
	return a
}

// sayRefused enters the refused log-ins of a name: those that are due, or now all of them. writing is held.
func (v *visits) sayRefused(name string, now bool) error {
	v.mu.Lock()
	r := v.refused[name]
	if r == nil || r.sum.Tries == 0 || !now && !v.due(r) {
		v.mu.Unlock()
		return nil
	}
	sum := r.sum
	r.sum = audit.Refused{}
	v.mu.Unlock()
	err := v.say("", &sum)
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		r.sum = together(sum, r.sum)
		return err
	}
	r.last = v.now()
	if !now { // those before a log-in have the log-ins' bound
		v.count().refused++
	}
	return nil
}
