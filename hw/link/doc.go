// Package link moves datagrams over one one-way UDP path, in batches: a [Writer] that
// cannot read on the low side and a [Reader] that cannot write on the high side.
//
//	LOW SIDE                                                               HIGH SIDE
//	[]byte of N datagrams                                            [][]byte of N datagrams
//	  │                                                                          ▲
//	Pacer.Wait(wire bytes)                                             Reader.Read
//	  │ clock_nanosleep, capped credit                                   │ split, count drops
//	Writer.Write ── gso  sendmmsg, UDP_SEGMENT ══╗         ╔══ gro  recvmmsg, UDP_GRO
//	             ── mmsg sendmmsg              ══╬══ diode ╬══ mmsg recvmmsg
//	             ── plain, one call a datagram ══╝         ╚══ plain, one call a datagram
//
// A batch is the interface and one datagram is a batch of one. The three methods of either
// end mix freely, the quickest one the kernel has is taken when the end is opened, and a
// Writer whose kernel or NIC refuses segmentation later falls back for good at the first
// refusal. The plain method is the fallback and the judge of the others: one set of tests
// runs over every pair.
//
// One-wayness is held by more than the lack of a method. On Linux a Writer's socket carries
// a filter that drops whatever arrives ([Writer.Returned] counts it: 0 on a diode) and a
// Reader's socket is shut for writing (EPIPE). A Writer's socket is not connected, so no
// ICMP answer reaches it either: that nobody listens is not an error for one who cannot hear.
//
// Nothing here looks into a datagram or allocates for one.
package link
