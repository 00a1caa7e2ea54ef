// Package merkletest keeps a log in memory, for tests of logs with many entries and for damage.
package merkletest

import (
	"io/fs"
	"maps"
	"testing"
	"testing/fstest"

	"pawl/framing/merkle"
)

// Store is a [merkle.Store] in memory. The files may be changed as a test likes.
type Store struct {
	Files fstest.MapFS
}

// NewStore makes an empty one.
func NewStore() *Store { return &Store{Files: fstest.MapFS{}} }

// FS reads the files.
func (s *Store) FS() fs.FS { return s.Files }

// Put makes a file.
func (s *Store) Put(name string, data []byte) error {
	s.Files[name] = &fstest.MapFile{Data: append([]byte(nil), data...), Mode: 0o600}
	return nil
}

// Rename renames a file.
func (s *Store) Rename(from, to string) error {
	s.Files[to] = s.Files[from]
	delete(s.Files, from)
	return nil
}

// Remove removes a file.
func (s *Store) Remove(name string) error {
	delete(s.Files, name)
	return nil
}

// Lock locks nothing: a test has one writer.
func (s *Store) Lock() (unlock func(), err error) { return func() {}, nil }

// Copy makes another store with the same files; their bytes are shared until they are replaced.
func (s *Store) Copy() *Store { return &Store{Files: maps.Clone(s.Files)} }

// Key makes a key for the log called origin.
func Key(t testing.TB, origin string) *merkle.Key {
	t.Helper()
	key, err := merkle.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// fixedKey was made for tests and signs nothing else.
const fixedKey = "PRIVATE+KEY+example.org/pawl/fixed+4107d4fc+AcHR4ZpPv5pszXCmHsgmn+uQ/h1PwSGQfFHaW8PlchcT"

// FixedKey is a key that is the same in every process: the workers of a fuzzer must agree on what is signed.
func FixedKey(t testing.TB) *merkle.Key {
	t.Helper()
	key, err := merkle.ParseKey(fixedKey)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
