// Package framing is the bytes of Pawl: what crosses the link and how it is
// read back. docs/wire.md is the law; this package is its Go form.
//
//	datagram   header 48 octets | payload T octets | tag 16 octets
//	             │                  │
//	             │                  ├─ session   who sends, with which keys    (session.go)
//	             │                  ├─ beat      what the sender is doing      (beat.go)
//	             │                  └─ symbol    T octets of a coded object
//	             └─ where the symbol belongs                                  (packet.go)
//
//	objects    plan  | content | proof
//	             │                │
//	             │                └─ head, one digest per file, signature      (proof.go)
//	             └─ head, one entry per file or directory                      (plan.go)
//
// The package is pure: no files, no clock, no goroutine, no log. Each message
// has one Append and one Parse (or a reader), and one encoding only: what
// Parse accepts, Append writes back octet for octet. Nothing read from the
// wire becomes a length, an index or a path before it was checked, and no
// allocation is larger than the octets that asked for it.
package framing
