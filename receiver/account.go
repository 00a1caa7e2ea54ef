package receiver

import (
	"time"

	"pawl/receiver/quarantine"
)

// settledFor is how old the newest settled account may be before an unsettled one is told instead: a link that is busy without a
// pause never settles.
const settledFor = time.Hour

// learnFrames is how many frames must agree about what an interface counts beside the payload.
const learnFrames = 8

// unlearned says why bytes are not known yet.
const unlearned = "too few packets have come without a loss to learn what the interface counts beside them"

// account holds what the interfaces counted against what the program was given. What arrived and was never given to it is what the
// kernel dropped for want of room, whatever the socket says: with GRO the socket counts several datagrams as one.
//
// How many octets of a frame are not payload is learned, for interfaces differ: Linux's Ethernet drivers count 42 for IPv4, those that count the
// frame's checksum 46, a veth 28.
type account struct {
	over    uint64 // octets of a frame that are not payload
	learned bool
	base    counted // of an earlier settled moment, from which on it is learned
	last    *quarantine.Account
}

// counted is what was counted at a settled moment.
type counted struct{ frames, octets, packets, taken uint64 }

// arrived is what the interfaces have counted since their sockets were about to be opened: frames, all octets of them, and frames that
// they had no room for.
func (r *Receiver) arrived() (frames, octets, missed uint64, blind string) {
	if len(r.witnesses) == 0 {
		return 0, 0, 0, "no interface is watched"
	}
	for _, w := range r.witnesses {
		if !w.status.Watched {
			return 0, 0, 0, w.status.Reason
		}
		frames += w.status.Received
		octets += w.rxBytes
		missed += w.missed
	}
	return frames, octets, missed, ""
}

// balance makes the account of this moment, and keeps it if nothing was on its way between interface and program. The counters
// were read by publish before; that they have not moved since, and that the socket is empty, shows that they belong to this ledger.
func (r *Receiver) balance(now time.Time) *quarantine.Account {
	a := &quarantine.Account{Time: now, Ledger: situationLedger(r.ledger.report())}
	if c, ok := r.source.(dropCounter); ok {
		a.Drops = c.KernelDrops()
	}
	if c, ok := r.source.(interface{ DropsExact() bool }); ok {
		a.DropsExact = c.DropsExact()
	}
	octets := uint64(0)
	a.Frames, octets, a.Missed, a.Blind = r.arrived()
	waiting, knows := r.source.(interface{ Waiting() bool })
	if a.Blind == "" && knows && !waiting.Waiting() && r.unmoved(now) {
		a.Settled = true
		r.account.learn(counted{a.Frames, octets, a.Ledger.Received.Packets, a.Ledger.Received.Bytes})
	}
	switch {
	case a.Blind != "":
	case r.account.learned:
		a.Octets = octets - min(octets, r.account.over*a.Frames)
	default:
		a.Blind = unlearned
	}
	if a.Settled || a.Blind != "" || r.account.last == nil || now.Sub(r.account.last.Time) > settledFor {
		r.account.last = a
	}
	return r.account.last
}

// unmoved reads the counters once more and says whether no frame has come since.
func (r *Receiver) unmoved(now time.Time) bool {
	for _, w := range r.witnesses {
		before := w.status.Received
		r.see(w, now)
		if !w.status.Watched || w.status.Received != before {
			return false
		}
	}
	return true
}

// learn finds out what the interfaces count beside payload, from a time in which each frame was a datagram that the program was given.
func (a *account) learn(now counted) {
	if a.learned {
		return
	}
	frames := now.frames - a.base.frames
	if frames != now.packets-a.base.packets {
		a.base = now // something was dropped, or not the link's: begin anew
		return
	}
	if frames < learnFrames {
		return
	}
	octets, taken := now.octets-a.base.octets, now.taken-a.base.taken
	if octets < taken || (octets-taken)%frames != 0 {
		a.base = now
		return
	}
	a.over, a.learned = (octets-taken)/frames, true
}

// situationLedger is the ledger in the words of the folder that both high-side programs share.
func situationLedger(l LedgerReport) quarantine.Ledger {
	as := func(c Count) quarantine.Count { return quarantine.Count(c) }
	q := quarantine.Ledger{
		Received: as(l.Received), Delivered: as(l.Delivered), Repair: as(l.Repair), Duplicate: as(l.Duplicate), Control: as(l.Control),
		Rejected: map[string]quarantine.Count{},
	}
	for reason, c := range l.Rejected {
		q.Rejected[reason] = as(c)
	}
	return q
}
