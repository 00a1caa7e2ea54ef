package seal

import (
	"errors"
	"fmt"
)

// The classes of failure, beside those of framing that the session's form may have.
// They are the classes of the vectors, and receivers count by them. All are made once:
// a forged packet costs no allocation.
var (
	// ErrMode: a session of another mode than the link is configured for, a
	// downgrade to "none" among them; or a Sealer or Opener that no one made.
	ErrMode = errors.New("seal mode is not the link's")
	// ErrNumber: a packet of another session than the Opener's.
	ErrNumber = errors.New("packet is of another session")
	// ErrSender: a session by another key than the pinned one.
	ErrSender = errors.New("session is not by the pinned sender")
	// ErrSignature: a session whose signature does not verify.
	ErrSignature = errors.New("session signature is wrong")
	// ErrEncapsulation: a well signed session whose HPKE encapsulation no key opens.
	ErrEncapsulation = errors.New("session encapsulation is malformed")
	// ErrAuth: the tag is wrong: a damaged or forged packet, or a session sealed to
	// another receiver key.
	ErrAuth = errors.New("packet does not authenticate")
	// ErrKey: text that is not the key it should be.
	ErrKey = errors.New("not a valid key")
	// ErrKind: the text of another kind of key. It is an ErrKey.
	ErrKind = fmt.Errorf("%w of this kind", ErrKey)
)
