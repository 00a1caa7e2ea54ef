package framing

import "errors"

// The classes of failure. Every error of a parser wraps exactly one of them
// (an error of the underlying io.Reader is passed on instead). They are the
// classes of docs/wire.md and of the vectors; receivers count by them.
var (
	// ErrSize: a datagram, payload or object has an impossible number of
	// octets, or ends inside an item.
	ErrSize = errors.New("size")
	// ErrMagic: not a message of Pawl, or not of this kind.
	ErrMagic = errors.New("magic")
	// ErrVersion: a version of the format that is not ours.
	ErrVersion = errors.New("version")
	// ErrType: an unknown packet type.
	ErrType = errors.New("type")
	// ErrField: the right shape, but a value that is not permitted.
	ErrField = errors.New("field")
	// ErrCanonical: not the one encoding of a message of this shape.
	ErrCanonical = errors.New("canonical")
	// ErrName: a name or path that a transfer may not carry.
	ErrName = errors.New("name")
	// ErrOrder: plan entries out of order, repeated or without their parent.
	ErrOrder = errors.New("order")
	// ErrCount: fewer or more entries, digests or content octets than the
	// head promised.
	ErrCount = errors.New("count")
	// ErrLimit: a good plan that is larger than its reader allows.
	ErrLimit = errors.New("limit")
)
