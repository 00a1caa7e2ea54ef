package sender

import (
	"fmt"
	"os"
	"path/filepath"
)

// writeDurable makes path hold data, whole or not at all, also over a power cut: temporary
// file, fsync, rename, fsync of the folder.
func writeDurable(path string, data []byte) error {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = closeDurable(f, err); err != nil {
		os.Remove(temp)
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
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
	return nil
}
