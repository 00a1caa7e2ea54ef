package merkle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
)

// TestProvedEntries: what Proved gives are the entries under the root; an octet of any bundle or tile that is another ends it before anything of that
// bundle is given.
func TestProvedEntries(t *testing.T) {
	key := merkletest.Key(t, origin)
	store, _ := build(t, key, 600)
	view, err := merkle.OpenView(store.FS(), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{0, 1, 255, 256, 599, 600} {
		next := from
		err := view.Proved(from, func(index int64, entry []byte) bool {
			if index != next || len(entry) == 0 {
				t.Fatalf("entry %d after %d", index, next-1)
			}
			next++
			return true
		})
		if err != nil || next != 600 {
			t.Errorf("from %d: up to %d, %v", from, next, err)
		}
	}
	tried := 0
	for name := range store.Files {
		if !strings.HasPrefix(name, "tile/") {
			continue
		}
		tried++
		broken := store.Copy()
		data := bytes.Clone(broken.Files[name].Data)
		data[len(data)/2] ^= 1
		if err := broken.Put(name, data); err != nil {
			t.Fatal(err)
		}
		bad, err := merkle.OpenView(broken.FS(), key.Public())
		if err != nil {
			t.Fatal(err)
		}
		if err := bad.Proved(0, func(int64, []byte) bool { return true }); !errors.Is(err, merkle.ErrEdited) {
			t.Errorf("an octet of %s is another: %v", name, err)
		}
	}
	if tried < 6 {
		t.Errorf("%d files were tried", tried)
	}
}
