package merkle_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/tlog"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
)

const origin = "example.org/log"

func entry(i int) []byte { return fmt.Appendf(nil, "entry %d", i) }

// grow adds entries from to to, n at a time.
func grow(t testing.TB, w *merkle.Writer, from, to, n int) {
	t.Helper()
	for from < to {
		var batch [][]byte
		for ; len(batch) < n && from < to; from++ {
			batch = append(batch, entry(from))
		}
		first, err := w.Append(batch...)
		if err != nil || first != int64(from-len(batch)) {
			t.Fatalf("append at %d: %d, %v", from, first, err)
		}
	}
}

func build(t testing.TB, key *merkle.Key, size int) (*merkletest.Store, *merkle.Writer) {
	t.Helper()
	store := merkletest.NewStore()
	w, begun, err := merkle.NewWriter(store, key)
	if err != nil || !begun {
		t.Fatal(begun, err)
	}
	grow(t, w, 0, size, 100)
	return store, w
}

func nothing(int64, []byte) error { return nil }

// naive is the reference: tlog's own hash storage, in memory.
type naive struct{ hashes []tlog.Hash }

func (n *naive) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, i := range indexes {
		found = append(found, n.hashes[i])
	}
	return found, nil
}

// TestAgainstTheReference grows a log by batches of odd sizes past two levels of tiles; root, proofs and past are
// those of golang.org/x/mod's own storage.
func TestAgainstTheReference(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	key := merkletest.Key(t, origin)
	store, w := build(t, key, 0)
	ref := new(naive)
	var past []merkle.Checkpoint
	for size := 0; size < 66_000; {
		n := 1 + rnd.IntN(700)
		if size == 0 {
			n = 255 // meets the edges of a tile: 255, 256, 257
		} else if size < 257 {
			n = 1
		}
		for i := size; i < size+n; i++ {
			h, err := tlog.StoredHashes(int64(i), entry(i), ref)
			if err != nil {
				t.Fatal(err)
			}
			ref.hashes = append(ref.hashes, h...)
		}
		grow(t, w, size, size+n, n)
		size += n
		root, err := tlog.TreeHash(int64(size), ref)
		if err != nil || w.Checkpoint().Root != root {
			t.Fatalf("root of %d: %v", size, err)
		}
		past = append(past, w.Checkpoint())
	}
	view, err := merkle.OpenView(store.FS(), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		i := rnd.Int64N(view.Checkpoint().Size)
		proof, err := view.Prove(i)
		if err != nil || !view.Checkpoint().Includes(i, entry(int(i)), proof) {
			t.Fatalf("proof of %d: %v", i, err)
		}
		if view.Checkpoint().Includes(i, []byte("another"), proof) || view.Checkpoint().Includes(i+1, entry(int(i)), proof) {
			t.Fatalf("proof of %d proves something else", i)
		}
	}
	for _, old := range past {
		if err := view.Extends(old); err != nil {
			t.Fatal(err)
		}
	}
	seen := int64(0)
	if _, err := merkle.Check(store.FS(), key.Public(), func(i int64, data []byte) error {
		if i != seen || !bytes.Equal(data, entry(int(i))) {
			return fmt.Errorf("is %q", data)
		}
		seen++
		return nil
	}); err != nil || seen != view.Checkpoint().Size {
		t.Fatalf("%d entries: %v", seen, err)
	}
	// A second program goes on from there.
	again, begun, err := merkle.NewWriter(store, key)
	if err != nil || begun {
		t.Fatal(begun, err)
	}
	grow(t, again, int(seen), int(seen)+3, 1)
	grow(t, w, int(seen)+3, int(seen)+5, 1)
	if _, err := merkle.Check(store.FS(), key.Public(), nothing); err != nil {
		t.Fatal(err)
	}
	// Partial tiles of the past are cleared away.
	for name := range store.Files {
		if strings.Contains(name, ".p/") && !strings.Contains(name, fmt.Sprintf(".p/%d", (seen+5)%256)) && strings.HasPrefix(name, "tile/0/") {
			t.Errorf("%s is left", name)
		}
	}
}

// flip changes one octet of a file.
func flip(files fstest.MapFS, name string, at int) {
	data := bytes.Clone(files[name].Data)
	data[at] ^= 1
	files[name] = &fstest.MapFile{Data: data}
}

// TestTamperedLogIsDetected: edited, truncated, forked, signed by another.
func TestTamperedLogIsDetected(t *testing.T) {
	key, other := merkletest.Key(t, origin), merkletest.Key(t, origin)
	store, w := build(t, key, 300)
	at300 := store.Copy()
	kept := w.Checkpoint()
	grow(t, w, 300, 1000, 100)
	for name, c := range map[string]struct {
		spoil func(s *merkletest.Store)
		want  error
		words string
	}{
		"entry edited":      {func(s *merkletest.Store) { flip(s.Files, "tile/entries/001", 5) }, merkle.ErrEdited, "entry 256: log was edited"},
		"entry of the tail": {func(s *merkletest.Store) { flip(s.Files, "tile/entries/003.p/232", 5) }, merkle.ErrEdited, "entry 768: log was edited"},
		"hash edited":       {func(s *merkletest.Store) { flip(s.Files, "tile/0/002", 64) }, merkle.ErrEdited, "entry 514: log was edited"},
		"upper hash edited": {func(s *merkletest.Store) { flip(s.Files, "tile/1/000.p/3", 0) }, merkle.ErrEdited, "tile/1/000.p/3: log was edited"},
		"length edited":     {func(s *merkletest.Store) { flip(s.Files, "tile/entries/000", 1) }, merkle.ErrEdited, "log was edited"},
		"entry added": {func(s *merkletest.Store) {
			const name = "tile/entries/003.p/232"
			s.Files[name] = &fstest.MapFile{Data: append(bytes.Clone(s.Files[name].Data), 0, 1, 'x')}
		}, merkle.ErrEdited, "longer than its 232 entries"},
		"checkpoint edited": {func(s *merkletest.Store) { flip(s.Files, "checkpoint", len(origin)+1) }, merkle.ErrSigned, "the signature is wrong"},
		"bundle gone":       {func(s *merkletest.Store) { delete(s.Files, "tile/entries/001") }, merkle.ErrTruncated, "tile/entries/001 is missing"},
		"tile gone":         {func(s *merkletest.Store) { delete(s.Files, "tile/0/001") }, merkle.ErrTruncated, "tile/0/001 is missing"},
		"checkpoint gone":   {func(s *merkletest.Store) { delete(s.Files, "checkpoint") }, merkle.ErrTruncated, "checkpoint is missing"},
		"bundle cut": {func(s *merkletest.Store) {
			s.Files["tile/entries/001"] = &fstest.MapFile{Data: s.Files["tile/entries/001"].Data[:99]}
		}, merkle.ErrEdited, "ends early"},
		"put back to the past":  {func(s *merkletest.Store) { s.Files = at300.Copy().Files }, nil, ""},
		"another's checkpoint":  {func(s *merkletest.Store) { o, _ := build(t, other, 1000); s.Files = o.Files }, merkle.ErrSigned, "not signed by this key"},
		"history written anew":  {func(s *merkletest.Store) { s.Files = rewritten(t, key).Files }, nil, ""},
		"everything taken away": {func(s *merkletest.Store) { clear(s.Files) }, merkle.ErrEmpty, "no log"},
	} {
		t.Run(name, func(t *testing.T) {
			s := store.Copy()
			c.spoil(s)
			_, err := merkle.Check(s.FS(), key.Public(), nothing)
			if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want %q", err, c.words)
			}
		})
	}
	// What the key itself signed anew is told by a checkpoint that was kept elsewhere.
	for name, c := range map[string]struct {
		store *merkletest.Store
		kept  merkle.Checkpoint
		want  error
	}{
		"truncated":               {at300, w.Checkpoint(), merkle.ErrTruncated},
		"forked":                  {rewritten(t, key), kept, merkle.ErrForked},
		"forked at the same size": {rewritten(t, key), w.Checkpoint(), merkle.ErrForked},
		"sound":                   {store, kept, nil},
	} {
		view, err := merkle.OpenView(c.store.FS(), key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if err := view.Extends(c.kept); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// rewritten is a log of 1000 other entries, signed by the key.
func rewritten(t testing.TB, key *merkle.Key) *merkletest.Store {
	t.Helper()
	store, w := build(t, key, 250)
	if _, err := w.Append([]byte("something else")); err != nil {
		t.Fatal(err)
	}
	grow(t, w, 251, 1000, 100)
	return store
}

// TestWriterRefuses: a writer does not go on from what it did not leave.
func TestWriterRefuses(t *testing.T) {
	key, other := merkletest.Key(t, origin), merkletest.Key(t, origin)
	for name, c := range map[string]struct {
		spoil func(s *merkletest.Store)
		want  error
	}{
		"put back":      {func(s *merkletest.Store) { o, _ := build(t, key, 300); s.Files = o.Files }, merkle.ErrTruncated},
		"forked":        {func(s *merkletest.Store) { s.Files = rewritten(t, key).Files }, merkle.ErrForked},
		"another's key": {func(s *merkletest.Store) { o, _ := build(t, other, 800); s.Files = o.Files }, merkle.ErrSigned},
		"emptied":       {func(s *merkletest.Store) { clear(s.Files) }, merkle.ErrEmpty},
	} {
		store, w := build(t, key, 700)
		c.spoil(store)
		before := len(store.Files)
		if _, err := w.Append(entry(700)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if len(store.Files) != before {
			t.Errorf("%s: something was written", name)
		}
	}
	for name, spoil := range map[string]func(f fstest.MapFS){
		"entry": func(f fstest.MapFS) { flip(f, "tile/entries/002.p/188", 5) },
		"hash":  func(f fstest.MapFS) { flip(f, "tile/0/002.p/188", 5) },
		"upper": func(f fstest.MapFS) { flip(f, "tile/1/000.p/2", 5) },
	} {
		store, _ := build(t, key, 700)
		spoil(store.Files)
		if _, _, err := merkle.NewWriter(store, key); !errors.Is(err, merkle.ErrEdited) {
			t.Errorf("damaged %s: %v", name, err)
		}
	}
	_, w := build(t, key, 1)
	for _, data := range [][]byte{nil, make([]byte, merkle.MaxEntry+1)} {
		if _, err := w.Append(data); !errors.Is(err, merkle.ErrSize) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
	if _, err := w.Append(make([]byte, merkle.MaxEntry)); err != nil {
		t.Error(err)
	}
}

func BenchmarkAppend(b *testing.B) {
	key := merkletest.Key(b, origin)
	_, w := build(b, key, 100_000)
	data := make([]byte, 400)
	for b.Loop() {
		if _, err := w.Append(data); err != nil {
			b.Fatal(err)
		}
	}
}
