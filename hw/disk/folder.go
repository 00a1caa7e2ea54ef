package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"
)

const (
	// lockFile holds a Folder's lock.
	lockFile = "lock"
	// newSuffix marks a file that is being written; nothing reads one.
	newSuffix = ".tmp"
	// patience is how long Lock waits for who has it: a turn is a few writes, some hundred milliseconds on a slow disk.
	patience = 10 * time.Second
	// look is how often it looks meanwhile: flock(2) can't wait with an end.
	look = 2 * time.Millisecond
)

// Folder is a folder whose files are written whole and lastingly. Nothing reached through it lies outside, whatever
// links are in it. It is for one goroutine; two Folders of one path keep apart by Lock.
type Folder struct {
	root *os.Root
	path string
	// Before is asked before each system call that changes the disk, by a word for it; an error ends the
	// operation there as the system's would. Tests play crashes and full disks with it; nil asks nobody.
	Before func(step string) error
}

// OpenFolder opens a folder that is there.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	return &Folder{root: root, path: path}, nil
}

// Close lets go of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// FS reads the folder.
func (f *Folder) FS() fs.FS { return f.root.FS() }

// do makes one system call, unless Before says no.
func (f *Folder) do(step string, call func() error) error {
	if f.Before != nil {
		if err := f.Before(step); err != nil {
			return err
		}
	}
	return call()
}

// Put makes a file (mode 0600) with these bytes, in place of one that is there, and the folders above it. When it
// returns nil, bytes and name are on disk; a reader sees the old bytes or the new, also after a crash.
func (f *Folder) Put(name string, data []byte) error {
	err := f.makeFolder(path.Dir(name))
	if err == nil {
		err = f.write(name+newSuffix, data)
	}
	if err == nil {
		err = f.Rename(name+newSuffix, name)
	}
	if err != nil {
		return fmt.Errorf("write %s in %s: %w", name, f.path, err)
	}
	return nil
}

// write makes a file with these bytes that are synced; its name is not.
func (f *Folder) write(name string, data []byte) error {
	var file *os.File
	err := f.do("create", func() (err error) {
		file, err = f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	// In two halves, so that a test can stop between.
	half := len(data) / 2
	for _, part := range [][]byte{data[:half], data[half:]} {
		if err == nil {
			err = f.do("write", func() error { _, err := file.Write(part); return err })
		}
	}
	if err == nil {
		err = f.do("sync file", file.Sync)
	}
	err = errors.Join(err, file.Close())
	if err != nil {
		_ = f.do("remove", func() error { return f.root.Remove(name) }) // half a file takes room on a disk that is full
	}
	return err
}

// makeFolder makes a folder and those above it; each new name is synced.
func (f *Folder) makeFolder(name string) error {
	info, err := f.root.Stat(name)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%s: %w", name, errors.New("not a folder"))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := path.Dir(name)
	if err := f.makeFolder(above); err != nil {
		return err
	}
	err = f.do("make folder", func() error { return f.root.Mkdir(name, 0o700) })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.syncFolder(above)
}

// Rename renames a file in place of another of the same folder, in one step. When it returns nil, that is on disk.
func (f *Folder) Rename(from, to string) error {
	if path.Dir(from) != path.Dir(to) {
		return fmt.Errorf("rename %s to %s: not in one folder", from, to)
	}
	if err := f.do("rename", func() error { return f.root.Rename(from, to) }); err != nil {
		return err
	}
	return f.syncFolder(path.Dir(to))
}

func (f *Folder) syncFolder(name string) error {
	dir, err := f.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.do("sync folder", dir.Sync), dir.Close())
}

// Remove removes a file, and the folder above it when that is empty then. After a crash they may be there again.
func (f *Folder) Remove(name string) error {
	if err := f.do("remove", func() error { return f.root.Remove(name) }); err != nil {
		return err
	}
	if above := path.Dir(name); above != "." {
		_ = f.do("remove folder", func() error { return f.root.Remove(above) }) // says no when there is something in it
	}
	return nil
}

// Lock takes the folder's one lock, which ends with the process. It waits up to ten seconds for whoever has it;
// then the error wraps [ErrLocked].
func (f *Folder) Lock() (unlock func(), err error) {
	file, err := f.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", f.path, err)
	}
	err = Lock(file)
	if errors.Is(err, ErrLocked) {
		err = lockSoon(file)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", f.path, err)
	}
	return func() { file.Close() }, nil
}

// LockSoon is Lock, waiting for a few seconds where somebody else has it: for locks that are held for moments.
func LockSoon(f *os.File) error {
	err := Lock(f)
	if errors.Is(err, ErrLocked) {
		err = lockSoon(f)
	}
	return err
}

// lockSoon tries again until somebody's turn is over.
func lockSoon(file *os.File) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		select {
		case <-late.C:
			return Lock(file)
		case <-again.C:
			if err := Lock(file); !errors.Is(err, ErrLocked) {
				return err
			}
		}
	}
}
