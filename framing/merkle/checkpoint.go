package merkle

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the state of a log that its key has signed: so many entries, under this root. The zero one is of no
// log.
type Checkpoint struct {
	Origin string
	Size   int64 // entries, >= 0
	Root   Hash
	note   []byte // as signed
}

// Note is the checkpoint as it was signed: what a witness keeps.
func (c Checkpoint) Note() []byte { return c.note }

// text is what is signed: three lines, and no extensions.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// sign makes the checkpoint of a tree.
func sign(key *Key, size int64, root Hash) (Checkpoint, error) {
	c := Checkpoint{Origin: key.public.Origin(), Size: size, Root: root}
	signed, err := note.Sign(&note.Note{Text: c.text()}, key.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	c.note = signed
	return c, nil
}

// OpenCheckpoint reads a signed checkpoint. The error wraps [ErrSigned] when it is not signed by the key, or is of
// another log than the key's. Signatures of others beside it, as witnesses add them, are allowed.
func OpenCheckpoint(signed []byte, key Public) (Checkpoint, error) {
	if key.verifier == nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: there is no key", ErrSigned)
	}
	if len(signed) > maxNote {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: larger than %d bytes", ErrEdited, maxNote)
	}
	opened, err := note.Open(signed, note.VerifierList(key.verifier))
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w (%s): signed by %s", ErrSigned, key.Fingerprint(), signers(unverified.Note))
	}
	if invalid := (*note.InvalidSignatureError)(nil); errors.As(err, &invalid) {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w (%s): the signature is wrong: %w", ErrSigned, key.Fingerprint(), ErrEdited)
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: not a signed note", ErrEdited)
	}
	c, err := parseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != key.Origin() {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: it is of the log %q, the key is of %q", ErrSigned, c.Origin, key.Origin())
	}
	c.note = signed
	return c, nil
}

// signers names who signed a note, for an error.
func signers(n *note.Note) string {
	var names []string
	for _, sig := range n.UnverifiedSigs {
		names = append(names, fmt.Sprintf("%.80q key %08x", sig.Name, sig.Hash))
	}
	return strings.Join(names[:min(len(names), 4)], ", ")
}

// parseCheckpoint reads the text that was signed; it takes what text writes and nothing else.
func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: has not three lines", ErrEdited)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, errRoot := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || size < 0 || errRoot != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: size or root does not parse", ErrEdited)
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}
	if c.text() != text || !validOrigin(c.Origin) {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: not in its one encoding", ErrEdited)
	}
	return c, nil
}

// ReadCheckpoint reads the checkpoint of the log in files. The error wraps [ErrEmpty] when there is no log.
func ReadCheckpoint(files fs.FS, key Public) (Checkpoint, error) {
	signed, err := readFile(files, checkpointFile, maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		if _, errTile := fs.Stat(files, tileFolder); errors.Is(errTile, fs.ErrNotExist) {
			return Checkpoint{}, fmt.Errorf("%w here: neither checkpoint nor tiles", ErrEmpty)
		}
	}
	if err != nil {
		return Checkpoint{}, err
	}
	return OpenCheckpoint(signed, key)
}
