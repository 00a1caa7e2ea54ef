package receiver

import (
	"net/netip"
	"time"

	"pawl/receiver/quarantine"
)

// settledFor is how old the newest settled account may be before an unsettled one is told instead: a link that is busy without a
// pause never settles.
const settledFor = time.Hour

// Octets of a frame that are not UDP payload, as Linux counts them for an Ethernet device: without the checksum.
const (
	frameOver4 = 14 + 20 + 8
	frameOver6 = 14 + 40 + 8
	// learnFrames is how many frames must agree about it before what an interface counts is believed to be something else.
	learnFrames = 16
)

// account holds what the interfaces counted against what the program was given. What arrived and was never given to it is what the
// kernel dropped for want of room, whatever the socket says: with GRO the socket counts several datagrams as one.
type account struct {
	over  []uint64 // octets of a frame that are not payload, by interface
	blind string   // why what arrived is not known; "" while it is
	last  *quarantine.Account
}

// beginAccount notes what frames carry beside payload. Watches count from before their sockets were opened.
func (r *Receiver) beginAccount() {
	r.account = account{}
	if len(r.witnesses) == 0 {
		r.account.blind = "no interface is watched"
	}
	for _, w := range r.witnesses {
		over := uint64(frameOver4)
		if at, err := netip.ParseAddrPort(w.Listen); err == nil && at.Addr().Unmap().Is6() {
			over = frameOver6
		}
		r.account.over = append(r.account.over, over)
	}
}

// arrived is what the interfaces have counted since the start.
func (r *Receiver) arrived() (frames, octets, missed uint64, blind string) {
	if r.account.blind != "" {
		return 0, 0, 0, r.account.blind
	}
	for i, w := range r.witnesses {
		if !w.status.Watched {
			return 0, 0, 0, w.status.Reason
		}
		frames += w.status.Received
		octets += w.rxBytes - min(w.rxBytes, r.account.over[i]*w.status.Received)
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
	a.Frames, _, a.Missed, a.Blind = r.arrived()
	waiting, knows := r.source.(interface{ Waiting() bool })
	if a.Blind == "" && knows {
		a.Settled = !waiting.Waiting() && r.unmoved(now)
	}
	if a.Settled {
		r.learn(a)
	}
	_, a.Octets, _, _ = r.arrived()
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

// learn finds out what an interface counts beside payload, once nothing else has come by it and nothing was dropped: some count the
// checksum or a VLAN's tag.
func (r *Receiver) learn(a *quarantine.Account) {
	taken := a.Ledger.Received
	if len(r.witnesses) != 1 || a.Frames != taken.Packets || a.Frames < learnFrames {
		return
	}
	if over := r.witnesses[0].rxBytes - min(r.witnesses[0].rxBytes, taken.Bytes); over%a.Frames == 0 {
		r.account.over[0] = over / a.Frames
	}
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
