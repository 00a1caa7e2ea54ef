package bench

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pawl/framing"
)

// TestMixesMayCross: what a bench sends must be what the rules of names let through, or it
// would measure a refusal.
func TestMixesMayCross(t *testing.T) {
	for _, mix := range []Mix{MixRandom, MixSmall, MixOdd} {
		dir := t.TempDir()
		name, err := mix.make(dir, 1<<20, 7)
		if err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != name {
			t.Errorf("%s made %v, %v; want %q alone", mix, entries, err, name)
		}
		paths := 0
		err = filepath.WalkDir(filepath.Join(dir, name), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			paths++
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			return framing.CheckPath(rel)
		})
		if err != nil || paths == 0 {
			t.Errorf("%s: %d paths, %v", mix, paths, err)
		}
	}
}

func TestMixesFollowFromTheSeed(t *testing.T) {
	for _, mix := range []Mix{MixRandom, MixSmall} {
		surveys := make([]survey, 3)
		for i, seed := range []uint64{1, 1, 2} {
			dir := t.TempDir()
			name, err := mix.make(dir, 100_001, seed)
			if err != nil {
				t.Fatal(err)
			}
			if surveys[i], err = takeSurvey(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			for path, found := range surveys[i] {
				found.modTime = time.Time{}
				surveys[i][path] = found
			}
		}
		if lines := surveys[0].differences(surveys[1]); lines != nil {
			t.Errorf("%s: one seed, two contents: %v", mix, lines)
		}
		if surveys[0].differences(surveys[2]) == nil {
			t.Errorf("%s: two seeds, one content", mix)
		}
		if bytes, _ := surveys[0].content(); bytes != 100_001 {
			t.Errorf("%s: %d octets of 100,001", mix, bytes)
		}
	}
	if _, err := Mix("other").make(t.TempDir(), 1, 1); err == nil {
		t.Error("an unknown mix was made")
	}
}

// TestSurveySeesEveryDifference changes one thing of a tree at a time.
func TestSurveySeesEveryDifference(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for name, change := range map[string]func(dir string) error{
		"a byte":          func(dir string) error { return os.WriteFile(filepath.Join(dir, "f"), []byte("hallo"), 0o600) },
		"the size":        func(dir string) error { return os.Truncate(filepath.Join(dir, "f"), 4) },
		"executable":      func(dir string) error { return os.Chmod(filepath.Join(dir, "f"), 0o700) },
		"a time":          func(dir string) error { return os.Chtimes(filepath.Join(dir, "f"), at, at.Add(1)) },
		"a folder's time": func(dir string) error { return os.Chtimes(filepath.Join(dir, "d"), at, at.Add(1)) },
		"a missing file":  func(dir string) error { return os.Remove(filepath.Join(dir, "f")) },
		"a missing dir":   func(dir string) error { return os.Remove(filepath.Join(dir, "d")) },
		"one too many":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "g"), nil, 0o600) },
		"nothing":         func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			settle := func() survey {
				for _, path := range []string{"f", "d", "."} {
					if name != "a time" && name != "a folder's time" {
						_ = os.Chtimes(filepath.Join(dir, path), at, at) // what is gone has no time
					}
				}
				s, err := takeSurvey(dir)
				must(err)
				return s
			}
			must(os.WriteFile(filepath.Join(dir, "f"), []byte("hello"), 0o600))
			must(os.Mkdir(filepath.Join(dir, "d"), 0o700))
			before := settle()
			must(change(dir))
			lines := before.differences(settle())
			want := 1
			if name == "nothing" {
				want = 0
			}
			if len(lines) != want {
				t.Errorf("differences %q, want %d", lines, want)
			}
		})
	}
}
