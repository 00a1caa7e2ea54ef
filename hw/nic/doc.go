// Package nic reads the machine around one end of a link and judges it: what will lose packets, what talks back, and the
// command that mends it.
//
//	/sys /proc ─┐
//	netlink     ├─ Machine ─ Read ─ Facts ─ Judge ─ []Finding ─ worst first ─ people, --json
//	ethtool     │              │                       │
//	nft ────────┘              └ counters twice        └ safe steps ─ Mend ─ Read again
//
// Nothing crosses a diode from high to low, so each thing that a network mends by asking is a fault here: an address
// that ARP should find, a pause frame, an IPv6 router that is looked for. And whatever the high side says of its own
// accord is said into a fibre that must stay dark.
//
// Judging is a pure function of [Facts]; all rules stand in one table ([Rules]), from which docs/doctor.md is held.
// [Meter] reads the counters that the receiver watches while it runs.
package nic
