package release

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"pawl/hw/disk"
)

// Collision is what becomes of a transfer whose name the inbox has. What is there is never touched.
type Collision string

// The ways.
const (
	Refuse  Collision = "refuse"  // it is held
	Version Collision = "version" // it gets a name that is free: "report (2).txt"
	Same    Collision = "same"    // it is released where it is what is there already, and held otherwise
)

// maxVersions bounds the names that are tried.
const maxVersions = 1000

// maxName is the most octets that a file system takes for a name (NAME_MAX).
const maxName = 255

// versioned is the n-th name for a transfer: its own, "name (2)", "name (3)" and so on, the number before the last extension of a
// file.
func versioned(name string, n int, dir bool) string {
	if n == 1 {
		return name
	}
	ext := path.Ext(name)
	if dir || ext == name {
		ext = ""
	}
	return fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
}

// place puts what is staged into the inbox, as the collision policy says; before each try, note
// writes down under which name, or that what is there stands for it.
func (s *Stage) place(name string, note func(as string, same bool) error) error {
	info, err := s.root.Lstat(name)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	for n := 1; ; n++ {
		as := versioned(name, n, info.IsDir())
		if len(as) > maxName || n > maxVersions {
			return takenError{name}
		}
		if n > 1 && s.in.taken(as) != nil {
			continue // the rename makes sure; this saves the intent of a try in vain
		}
		if err := note(as, false); err != nil {
			return err
		}
		s.step("intent written")
		err := s.in.publish(s.dir, name, as)
		switch {
		case !errors.Is(err, ErrTaken) || s.in.collision == Refuse || s.in.collision == "":
			return err
		case s.in.collision == Same:
			return s.settleSame(name, note)
		}
	}
}

// settleSame empties the staging when the inbox has the same already, which then stands for the release.
func (s *Stage) settleSame(name string, note func(as string, same bool) error) error {
	same, err := sameTree(s.root, s.in.root, name)
	if err != nil {
		return fmt.Errorf("compare with what is in the inbox: %w", err)
	}
	if !same {
		return takenError{name}
	}
	if err := note(name, true); err != nil {
		return err
	}
	if err := s.root.RemoveAll(name); err != nil {
		return fmt.Errorf("clear staging: %w", err)
	}
	return s.in.sync(s.dir)
}

// sameTree says whether a name is the same in two folders: files with the same bytes, folders with the same names and nothing else. A link
// is the same as nothing.
func sameTree(a, b *os.Root, name string) (bool, error) {
	in, err := a.Lstat(name)
	if err != nil {
		return false, err
	}
	there, err := b.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // taken away since: the next try will find the name free
	}
	if err != nil {
		return false, err
	}
	switch {
	case in.IsDir() && there.IsDir():
		return exchanged(sameFolder(a, b, name))
	case in.Mode().IsRegular() && there.Mode().IsRegular() && in.Size() == there.Size():
		return exchanged(sameBytes(a, b, name))
	}
	return false, nil
}

// exchanged says that what others made something else while it was compared is not the same.
func exchanged(same bool, err error) (bool, error) {
	if errors.Is(err, disk.ErrNotRegular) {
		return false, nil
	}
	return same, err
}

func sameFolder(a, b *os.Root, name string) (bool, error) {
	var lists [2][]string
	for i, root := range []*os.Root{a, b} {
		dir, err := disk.OpenIn(root, name)
		if err != nil {
			return false, err
		}
		lists[i], err = dir.Readdirnames(-1)
		dir.Close()
		if err != nil {
			return false, err
		}
		slices.Sort(lists[i])
	}
	if !slices.Equal(lists[0], lists[1]) {
		return false, nil
	}
	for _, each := range lists[0] {
		if same, err := sameTree(a, b, name+"/"+each); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

func sameBytes(a, b *os.Root, name string) (bool, error) {
	one, err := disk.OpenIn(a, name)
	if err != nil {
		return false, err
	}
	defer one.Close()
	other, err := disk.OpenIn(b, name)
	if err != nil {
		return false, err
	}
	defer other.Close()
	var p, q [64 << 10]byte
	for {
		n, err := io.ReadFull(one, p[:])
		m, err2 := io.ReadFull(other, q[:])
		if n != m || !bytes.Equal(p[:n], q[:m]) {
			return false, nil
		}
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case ended && (errors.Is(err2, io.EOF) || errors.Is(err2, io.ErrUnexpectedEOF)):
			return true, nil
		case err != nil || err2 != nil:
			return false, errors.Join(err, err2)
		}
	}
}
