package quarantine

import "time"

// Account is the byte ledger of pawl-receive held against what the interfaces counted, at one instant. All counts are since its
// start, when the interfaces were first read: before its sockets were opened.
type Account struct {
	Time   time.Time `json:"time"`   // of the instant, high side's clock
	Ledger Ledger    `json:"ledger"` // what the program was given
	// Settled says that at this instant nothing was on its way from interface to program, so that both counts are of the same
	// datagrams. Of an account that is not settled up to a socket's buffer may be on its way.
	Settled    bool   `json:"settled"`
	Frames     uint64 `json:"frames"`          // that the interfaces took
	Octets     uint64 `json:"octets"`          // of UDP payload in them, if each carried a datagram
	Missed     uint64 `json:"missed"`          // frames that an interface had no room for; nobody knows their octets
	Drops      uint64 `json:"drops"`           // times that a socket had no room
	DropsExact bool   `json:"drops_exact"`     // each of them was one datagram; else one or several (GRO)
	Blind      string `json:"blind,omitempty"` // why the interfaces' counts are not known, "" while they are
}
