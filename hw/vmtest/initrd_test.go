//go:build linux

package vmtest

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// initrd is a file system in memory that is being written, in the format that the kernel unpacks (Documentation/driver-api/early-userspace/
// buffer-format.rst: cpio "newc").
type initrd struct {
	archive bytes.Buffer
	inode   int
	has     map[string]bool
}

// Modes of struct stat, as cpio keeps them.
const (
	modeFolder = 0o040755
	modeFile   = 0o100755
	modeLink   = 0o120777
	modeDevice = 0o020600
)

// merged are the folders that Debian has below /usr only.
var merged = []string{"/bin", "/sbin", "/lib", "/lib64"}

// newInitrd has Debian's links.
func newInitrd() *initrd {
	r := &initrd{has: map[string]bool{"/": true}}
	for _, dir := range merged {
		r.folders("/usr" + dir)
		r.entry(dir[1:], modeLink, []byte("usr"+dir), 0, 0)
	}
	return r
}

// entry appends one entry; major and minor are a device's.
func (r *initrd) entry(name string, mode int, data []byte, major, minor int) {
	r.inode++
	fmt.Fprintf(&r.archive, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
		r.inode, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0, name)
	r.pad()
	r.archive.Write(data)
	r.pad()
}

func (r *initrd) pad() { r.archive.Write(make([]byte, -r.archive.Len()&3)) }

// put writes a file, and the folders above it that are not there yet. What is there stays.
func (r *initrd) put(name string, data []byte) {
	for _, dir := range merged {
		if strings.HasPrefix(name, dir+"/") {
			name = "/usr" + name
		}
	}
	if r.has[name] {
		return
	}
	r.has[name] = true
	r.folders(filepath.Dir(name))
	r.entry(name[1:], modeFile, data, 0, 0)
}

func (r *initrd) folders(dir string) {
	if r.has[dir] {
		return
	}
	r.has[dir] = true
	r.folders(filepath.Dir(dir))
	r.entry(dir[1:], modeFolder, nil, 0, 0)
}

func (r *initrd) copy(to, from string) error {
	data, err := os.ReadFile(from)
	if err == nil {
		r.put(to, data)
	}
	return err
}

// libraryFolder is where Debian's loader looks.
const libraryFolder = "/usr/lib/x86_64-linux-gnu"

// program copies a program of this machine, with its loader and libraries.
func (r *initrd) program(name string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	return r.linked(path)
}

func (r *initrd) linked(path string) error {
	if r.has[path] {
		return nil
	}
	if err := r.copy(path, path); err != nil {
		return err
	}
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	if s := f.Section(".interp"); s != nil {
		loader, err := s.Data()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		at := string(bytes.TrimRight(loader, "\x00"))
		if err := r.copy(at, at); err != nil {
			return err
		}
	}
	needs, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range needs {
		if err := r.linked(filepath.Join(libraryFolder, name)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// write ends the archive and keeps it, compressed.
func (r *initrd) write(path string) error {
	r.folders("/dev")
	r.entry("dev/console", modeDevice, nil, 5, 1) // what the first process speaks to, before it mounts anything
	r.entry("TRAILER!!!", 0, nil, 0, 0)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := z.Write(r.archive.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}
