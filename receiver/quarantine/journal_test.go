package quarantine

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// plain strips what only this package sees, so that blocks can be compared.
func plain(blocks []WrittenBlock) []WrittenBlock {
	out := slices.Clone(blocks)
	for i := range out {
		out[i].at = 0
	}
	return out
}

func reopen(t *testing.T, dir string) (*Journal, []Geometry, []WrittenBlock) {
	t.Helper()
	j, g, b, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j, g, plain(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestJournalSyncMarkCoversOnlyOlderBlocks(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	geometry := Geometry{Object: 2, Code: 2, SymbolSize: 1408, Length: 1 << 40, MaxK: 200, R: 20}
	must(t, j.Geometry(geometry))
	must(t, j.Block(2, 0, 11))
	must(t, j.Sync(func() error { return j.Block(2, 7, 77) })) // a block noted while the files are flushed
	if err := j.Sync(func() error { return os.ErrPermission }); !errors.Is(err, os.ErrPermission) {
		t.Fatalf("a failed flush was answered with %v", err)
	}
	must(t, j.Close())

	_, geometries, blocks := reopen(t, dir)
	if !slices.Equal(geometries, []Geometry{geometry}) {
		t.Fatalf("geometries %+v", geometries)
	}
	want := []WrittenBlock{{Object: 2, Block: 0, Hash: 11, Synced: true}, {Object: 2, Block: 7, Hash: 77}}
	if !slices.Equal(blocks, want) {
		t.Fatalf("blocks %+v, want %+v", blocks, want)
	}
}

func TestJournalCutsDamagedTail(t *testing.T) {
	for _, damage := range []struct {
		name string
		do   func(path string) error
		want int // blocks left
	}{
		{"torn", func(p string) error { return os.Truncate(p, 3*recordSize-5) }, 1},
		{"flipped", func(p string) error {
			data, err := os.ReadFile(p)
			if err == nil {
				data[2*recordSize+9] ^= 4
				err = os.WriteFile(p, data, 0o600)
			}
			return err
		}, 1},
		{"none", func(string) error { return nil }, 2},
	} {
		t.Run(damage.name, func(t *testing.T) {
			dir := t.TempDir()
			j, _, _ := reopen(t, dir)
			must(t, j.Geometry(Geometry{Object: 1, Code: 1, SymbolSize: 1408, Length: 9, MaxK: 1}))
			must(t, j.Block(1, 0, 5))
			must(t, j.Block(1, 1, 6))
			must(t, j.Close())
			must(t, damage.do(filepath.Join(dir, JournalFile)))

			j, _, blocks := reopen(t, dir)
			if len(blocks) != damage.want {
				t.Fatalf("%d blocks left, want %d", len(blocks), damage.want)
			}
			must(t, j.Block(1, 2, 7)) // and it goes on after the cut
			must(t, j.Close())
			if _, _, blocks = reopen(t, dir); len(blocks) != damage.want+1 || blocks[damage.want].Block != 2 {
				t.Fatalf("after the cut: %+v", blocks)
			}
		})
	}
}

func TestJournalGeometryBeginsObjectAnew(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := reopen(t, dir)
	must(t, j.Geometry(Geometry{Object: 3, Length: 100, MaxK: 1, SymbolSize: 1408, Code: 1}))
	must(t, j.Block(3, 0, 1))
	must(t, j.Block(2, 0, 2))
	must(t, j.Sync(func() error { return nil }))
	must(t, j.Geometry(Geometry{Object: 3, Length: 200, MaxK: 1, SymbolSize: 1408, Code: 1}))
	must(t, j.Block(3, 1, 3))
	must(t, j.Close())
	_, geometries, blocks := reopen(t, dir)
	want := []WrittenBlock{{Object: 2, Block: 0, Hash: 2, Synced: true}, {Object: 3, Block: 1, Hash: 3}}
	if !slices.Equal(blocks, want) || len(geometries) != 3-1 {
		t.Fatalf("blocks %+v, geometries %+v", blocks, geometries)
	}
}
