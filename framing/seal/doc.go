// Package seal is the security of a link: who sends, to whom, and that nobody
// between them can read, change or make a packet. docs/wire.md, "Link security", is
// the law; this package is its Go form.
//
//	low side                                      high side
//	SenderKey (Ed25519) ──signs──┐                SenderPublic, pinned
//	ReceiverPublic ─ NewSealer ─ Announce ══════▶ Accept ─ ReceiverKey (X25519 + ML-KEM-768)
//	                     │       session packet      │   1 sender  2 signature  3 decapsulate  4 tag
//	                key, iv                       key, iv
//	                     │                           │
//	symbol, beat ───── Seal ═════════════════════▶ Open ── payload
//
// No reply is needed: a session packet holds an HPKE encapsulation to the
// receiver's key (RFC 9180, crypto/hpke), signed by the sender's. Both sides export
// from it an AES-256-GCM key and an iv; the packet number is the nonce.
//
// The package is pure: no files, no clock, no log. Which session numbers are fresh is
// for those who keep them on disk: the sender and the receiver.
package seal
