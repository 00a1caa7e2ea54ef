package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"pawl/hw/disk"
)

// Immutable says whether what is released is protected against change: chattr +i for every file and folder, and fs-verity for every file where
// the file system has it. Who may remove the flag (CAP_LINUX_IMMUTABLE) can change the file again, but not its fs-verity.
type Immutable string

// The ways.
const (
	Mutable  Immutable = "no"
	Best     Immutable = "best"     // what can be had, and it is said what that was
	Required Immutable = "required" // chattr +i, or it is not released
)

// protection is what was done.
type protection struct {
	entries, flagged int
	files, verity    int
	why              error // of the first that could not be flagged
	noVerity         error // as the inbox has it
}

func (p *protection) String() string {
	text := fmt.Sprintf("immutable: %d of %d with chattr +i, %d of %d files with fs-verity", p.flagged, p.entries, p.verity, p.files)
	for _, err := range []error{p.why, p.noVerity} {
		if err != nil {
			text += " (" + err.Error() + ")"
		}
	}
	return text
}

// probeName is a file in a staging; framing refuses it as a transfer's.
const probeName = stagePrefix + "probe"

// unprobe takes the flag from a probe that a crash has left, which could not be removed otherwise.
func (in *inbox) unprobe(stage string) {
	if f, err := disk.OpenIn(in.root, stage+"/"+probeName); err == nil {
		_ = disk.SetImmutable(f, false) // that it did not work shows when the staging is removed
		f.Close()
	}
}

// probe asks, before anything is in the inbox, whether files can be made immutable there: in the same steps, as not every file system takes the
// flag after fs-verity.
func (s *Stage) probe(how Immutable) error {
	if how != Required {
		return nil
	}
	w, err := s.root.OpenFile(probeName, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("try the immutable flag: %w", err)
	}
	w.Close()
	f, err := s.root.Open(probeName)
	if err != nil {
		return fmt.Errorf("try the immutable flag: %w", err)
	}
	defer f.Close()
	_ = disk.EnableVerity(f) // it is not required
	err = disk.SetImmutable(f, true)
	return errors.Join(err, disk.SetImmutable(f, false), s.root.Remove(probeName))
}

// protect makes what was released immutable, the deepest first, and counts what was staged with fs-verity. It may be done again after a crash. What
// readers have taken away meanwhile is theirs.
func (in *inbox) protect(name string, how Immutable) (*protection, error) {
	if how != Best && how != Required {
		return nil, nil
	}
	p := &protection{noVerity: in.noVerity}
	if err := in.protectEntry(name, p); err != nil {
		return p, fmt.Errorf("make immutable: %w", err)
	}
	if how == Required && p.why != nil {
		return p, fmt.Errorf("make immutable: %w", p.why)
	}
	// The state says that it was done: the disk must know it first.
	if err := disk.SyncFileSystem(in.dir); err != nil {
		return p, fmt.Errorf("make immutable: %w", err)
	}
	return p, nil
}

func (in *inbox) protectEntry(name string, p *protection) error {
	info, err := in.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil // not what was released
	}
	f, err := disk.OpenIn(in.root, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, disk.ErrNotRegular) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if info.IsDir() {
		names, err := f.Readdirnames(-1)
		if err != nil {
			return err
		}
		for _, each := range names {
			if err := in.protectEntry(name+"/"+each, p); err != nil {
				return err
			}
		}
	} else {
		p.files++
		if digest, err := disk.Verity(f); err == nil && digest != nil {
			p.verity++
		}
	}
	p.entries++
	if err := disk.SetImmutable(f, true); err == nil {
		p.flagged++
	} else if p.why == nil {
		p.why = err
	}
	return nil
}
