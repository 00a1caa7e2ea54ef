package bench

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Mix names what a transfer consists of.
type Mix string

// The mixes. Random and Small take a size, the others are as large as they are.
const (
	MixRandom Mix = "random" // one file of random octets; 1 GiB
	MixGoTree Mix = "gotree" // the Go toolchain's own tree: over 10,000 files of real life
	MixSmall  Mix = "small"  // files of 10 KiB; 10,000 of them
	MixSparse Mix = "sparse" // one file with 4 KiB of random octets in each MiB and holes between; 20 GiB, for what must take no room at its source
	MixOdd    Mix = "odd"    // odd names, empty things, sizes around a symbol, strange times
)

// Mixes are all of them.
func Mixes() []Mix { return []Mix{MixRandom, MixGoTree, MixSmall, MixSparse, MixOdd} }

const smallFile = 10 << 10 // octets of one file of MixSmall

// make writes the mix into a folder that is there and returns the name of its one
// top-level entry. size is in octets, 0 for the mix's own; content follows from seed.
func (m Mix) make(dir string, size uint64, seed uint64) (string, error) {
	random := newRandom(seed)
	switch m {
	case MixRandom:
		if size == 0 {
			size = 1 << 30
		}
		return "random.bin", random.file(filepath.Join(dir, "random.bin"), size)
	case MixSmall:
		if size == 0 {
			size = 10_000 * smallFile
		}
		return "small", random.small(filepath.Join(dir, "small"), size)
	case MixSparse:
		if size == 0 {
			size = 20 << 30
		}
		return "sparse.bin", random.sparse(filepath.Join(dir, "sparse.bin"), size)
	case MixOdd:
		return "odd & empty", random.odd(filepath.Join(dir, "odd & empty"))
	case MixGoTree:
		return "go", goTree(filepath.Join(dir, "go"))
	}
	return "", fmt.Errorf("mix %q: must be one of %v", m, Mixes())
}

// random makes octets from a seed.
type random struct{ *rand.ChaCha8 }

func newRandom(seed uint64) random {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return random{rand.NewChaCha8(key)}
}

func (r random) file(path string, size uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r, int64(size))
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// sparse writes a file that is mostly hole.
func (r random) sparse(path string, size uint64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	page := make([]byte, 4<<10)
	for at := uint64(0); err == nil && at+uint64(len(page)) <= size; at += 1 << 20 {
		if _, err = r.Read(page); err == nil {
			_, err = f.WriteAt(page, int64(at))
		}
	}
	if err == nil {
		err = f.Truncate(int64(size))
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// small writes files of 10 KiB, a hundred to a folder.
func (r random) small(dir string, size uint64) error {
	for n := uint64(0); n*smallFile < size; n++ {
		sub := filepath.Join(dir, fmt.Sprintf("%03d", n/100))
		if n%100 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return err
			}
		}
		if err := r.file(filepath.Join(sub, fmt.Sprintf("%05d.dat", n)), min(smallFile, size-n*smallFile)); err != nil {
			return err
		}
	}
	return nil
}

// oddNames are names that must cross although a shell, a web page or a careless
// program stumbles over them; those that must not cross are the business of framing.
var oddNames = []string{
	" leading space", "two  spaces", ".hidden", "..twodots", "-rf", "--help", "~", "$HOME", "$(reboot)", "`id`", "a;b&c|d",
	"'single'", `"double"`, "star*", "question?", "<tag>", "100%", "%2e%2e", "#hash", "{brace}", "[bracket]", "comma,", "a=b",
	"caret^", "exclamation!", "at@", "colon:", "Ünïcødé", "日本語", "русский", "العربية", "emoji 🦫", "ﬀ", "İstanbul",
	"CON1", "nul_", "console", "README", "readme", "Readme", "x.tar.gz",
}

func (r random) odd(dir string) error {
	longest := []string{strings.Repeat("n", 255), strings.Repeat("é", 127)}
	for i, name := range slices.Concat(oddNames, longest) {
		folder := filepath.Join(dir, "names", name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := r.file(filepath.Join(folder, name), uint64(i)); err != nil {
			return err
		}
	}
	return r.oddShapes(dir)
}

// oddShapes writes what is odd by size, time, mode or depth.
func (r random) oddShapes(dir string) error {
	deep := filepath.Join(append([]string{dir}, strings.Split(strings.Repeat("deep/", 60)+"bottom", "/")...)...)
	for _, folder := range []string{deep, filepath.Join(dir, "empty"), filepath.Join(dir, "sizes"), filepath.Join(dir, "times")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for _, size := range []uint64{0, 1, 63, 1343, 1344, 1407, 1408, 1409, 2815, 2816, 2817, 65536, 1 << 20} {
		if err := r.file(filepath.Join(dir, "sizes", fmt.Sprint(size)), size); err != nil {
			return err
		}
	}
	for name, mode := range map[string]fs.FileMode{"runs": 0o755, "empty and runs": 0o700, "does not run": 0o600} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat("#!/bin/true\n", len(name)%3)), mode); err != nil {
			return err
		}
	}
	for name, at := range map[string]time.Time{
		"epoch": time.Unix(0, 0), "before the epoch": time.Unix(-86400, 999_999_999), "one nanosecond": time.Unix(1, 1),
		"far away": time.Date(2199, 12, 31, 23, 59, 59, 123_456_789, time.UTC),
	} {
		path := filepath.Join(dir, "times", name)
		if err := r.file(path, 10); err != nil {
			return err
		}
		if err := os.Chtimes(path, at, at); err != nil {
			return err
		}
	}
	return nil
}

// goTree copies the files and folders of GOROOT; symbolic links are left out.
func goTree(to string) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("the Go toolchain's tree: %w", err)
	}
	from := strings.TrimSpace(string(out))
	var folders []string // times are set from the deepest up, when nothing is added to them any more
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			folders = append(folders, path)
			return os.MkdirAll(target, 0o755)
		case d.Type().IsRegular():
			return copyFile(path, target)
		}
		return nil
	})
	for i := len(folders) - 1; i >= 0 && err == nil; i-- {
		err = copyTimes(folders[i], filepath.Join(to, strings.TrimPrefix(folders[i], from)))
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return copyTimes(from, to)
}

func copyTimes(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
