package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"pawl/hw/disk"
	"pawl/receiver/quarantine"
)

// stagePrefix begins the name of the folder in the inbox that a transfer is built in; framing
// refuses names with it, so that no transfer can bear one.
const stagePrefix = ".pawl-"

// ErrTaken is the kind of errors about a name that the inbox has already.
var ErrTaken = errors.New("name is taken in the inbox")

// takenError names what is taken; it is ErrTaken.
type takenError struct{ name string }

func (e takenError) Error() string        { return fmt.Sprintf("%v: %q", ErrTaken, e.name) }
func (e takenError) Is(target error) bool { return target == ErrTaken }

// inbox is an open inbox. Nothing reached through it can lie outside, whatever links are in it.
type inbox struct {
	path      string
	collision Collision
	verity    bool  // files are staged with fs-verity where it can be had
	noVerity  error // why the first one has none, though the file system knows of it
	root      *os.Root
	dir       *os.File
}

func openInbox(path string) (*inbox, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	dir, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("open inbox: %w", err)
	}
	return &inbox{path: path, root: root, dir: dir}, nil
}

func (in *inbox) close() {
	in.dir.Close()
	in.root.Close()
}

func stageName(id quarantine.ID) string { return stagePrefix + id.String() }

// taken asks early what publish makes sure of: a gibibyte need not be copied to find out.
func (in *inbox) taken(name string) error {
	_, err := in.root.Lstat(name)
	switch {
	case err == nil:
		return takenError{name}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return fmt.Errorf("look for %q in the inbox: %w", name, err)
}

// unstage removes the staging of a transfer, or what somebody planted under its name. The intent
// of the transfer must be gone before: recovery reads an empty staging beside an intent as
// "released".
func (in *inbox) unstage(id quarantine.ID) error {
	in.unprobe(stageName(id))
	if err := in.root.RemoveAll(stageName(id)); err != nil {
		return fmt.Errorf("clear staging: %w", err)
	}
	return nil
}

// staged lists the transfers that have a staging folder, and the entries with our prefix that are
// not one.
func (in *inbox) staged() (ids []quarantine.ID, foreign []string, err error) {
	dir, err := in.root.Open(".")
	if err != nil {
		return nil, nil, fmt.Errorf("list inbox: %w", err)
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, nil, fmt.Errorf("list inbox: %w", err)
	}
	for _, entry := range entries {
		text, ours := strings.CutPrefix(entry.Name(), stagePrefix)
		if !ours {
			continue
		}
		if id, err := quarantine.ParseID(text); err == nil && entry.IsDir() {
			ids = append(ids, id)
		} else {
			foreign = append(foreign, entry.Name())
		}
	}
	return ids, foreign, nil
}

// standing is what a staging folder tells about a release that was begun.
type standing int

const (
	gone    standing = iota // no staging folder
	empty                   // what was in it has been renamed into the inbox
	waiting                 // it still holds what was staged
)

func (in *inbox) standing(id quarantine.ID) (standing, error) {
	info, err := in.root.Lstat(stageName(id))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return gone, nil
	}
	if err != nil {
		return gone, fmt.Errorf("look for staging: %w", err)
	}
	dir, err := in.root.Open(stageName(id))
	if err != nil {
		return gone, fmt.Errorf("look into staging: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return gone, fmt.Errorf("look into staging: %w", err)
	}
	if len(names) == 0 {
		return empty, nil
	}
	return waiting, nil
}

// publish renames the staged top into the inbox under a name, in one step and over nothing, and makes that
// last. The error wraps ErrTaken when the name is there, whatever bears it.
func (in *inbox) publish(stage *os.File, name, as string) error {
	err := disk.RenameNoReplace(stage, name, in.dir, as)
	if errors.Is(err, fs.ErrExist) {
		return takenError{as}
	}
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return in.sync(stage)
}

// sync makes a publication last: the new place, and the old.
func (in *inbox) sync(stage *os.File) error {
	if err := errors.Join(in.dir.Sync(), stage.Sync()); err != nil {
		return fmt.Errorf("publish: sync: %w", err)
	}
	return nil
}
