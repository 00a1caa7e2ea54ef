// Package merkle is an append-only log that proves itself: a Merkle tree of entries in the tlog-tiles layout
// (https://c2sp.org/tlog-tiles), with checkpoints (https://c2sp.org/tlog-checkpoint) signed by an Ed25519 key as
// notes (https://c2sp.org/signed-note). The mathematics and the notes are those of golang.org/x/mod/sumdb.
//
//	entries ─> tile/entries/N   256 entries a file        (layout.go)
//	hashes  ─> tile/L/N         256 hashes a file
//	root    ─> checkpoint       origin, size, root, signature (checkpoint.go)
//
//	Writer   adds entries                       (writer.go)
//	View     reads entries and makes proofs     (view.go)
//	Check    reads all of it and believes none  (check.go)
//
// The package is pure as framing is: it reads through [fs.FS] and writes through [Store], so that both sides of the
// diode keep their logs with the same code. What is written as one entry is canonical JSON (json.go); the tree
// does not care.
package merkle

import "errors"

var (
	// ErrEdited is wrapped when entries or hashes on disk are not those that the checkpoint was signed for.
	ErrEdited = errors.New("log was edited")
	// ErrTruncated is wrapped when something that the checkpoint speaks of is not there.
	ErrTruncated = errors.New("log was truncated")
	// ErrForked is wrapped when two signed checkpoints can't be of one log.
	ErrForked = errors.New("log was forked")
	// ErrSigned is wrapped when a checkpoint is not signed by the key that was asked for.
	ErrSigned = errors.New("not signed by this key")
	// ErrKey is wrapped by errors about the text of a key.
	ErrKey = errors.New("not an audit key")
	// ErrSecret is wrapped, beside ErrKey, when a secret key is given for a public one.
	ErrSecret = errors.New("this is the secret key: the public one is in the file with .pub")
	// ErrCanonical is wrapped by errors about JSON that is not in its one encoding.
	ErrCanonical = errors.New("not canonical")
	// ErrSize is wrapped when an entry is empty or larger than MaxEntry.
	ErrSize = errors.New("size of entry")
	// ErrEmpty is wrapped when there is no log in a folder.
	ErrEmpty = errors.New("no log")
)
