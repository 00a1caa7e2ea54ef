package sender

import (
	"fmt"
	"os"
	"path/filepath"
)

// onStep is told of every step towards the disk that the crash test may die after; nil in
// the program.
var onStep func(step, path string)

// Steps of onStep, each after it was done.
const (
	stepWritten = "written" // octets of a file that are not synced
	stepSynced  = "synced"  // the file
	stepRenamed = "renamed" // to path; its folder is not synced
	stepFolder  = "folder"  // synced
	stepMoved   = "moved"   // a transfer's folder is about to be moved from path
)

func stepped(step, path string) {
	if onStep != nil {
		onStep(step, path)
	}
}

// writeDurable makes path hold data, whole or not at all, also over a power cut: temporary
// file, fsync, rename, fsync of the folder.
func writeDurable(path string, data []byte) error {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	stepped(stepWritten, temp)
	if err = closeDurable(f, err); err != nil {
		os.Remove(temp)
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	stepped(stepRenamed, path)
	return syncFolder(filepath.Dir(path))
}

// appendDurable adds data to the end of a file, which is made if it is not there.
func appendDurable(path string, data []byte) error {
	_, err := os.Lstat(path)
	fresh := err != nil
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = closeDurable(f, err); err == nil && fresh {
		err = syncFolder(filepath.Dir(path))
	}
	return err
}

// closeDurable syncs and closes f; err is what went wrong before, and is kept.
func closeDurable(f *os.File, err error) error {
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		stepped(stepSynced, f.Name())
	}
	return err
}

// syncFile makes what was written to a file last over a power cut.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return closeDurable(f, nil)
}

// syncFolder makes renames, creations and removals in folder last over a power cut.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %q: %w", folder, err)
	}
	stepped(stepFolder, folder)
	return nil
}
