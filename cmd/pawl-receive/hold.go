package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/hw/confine"
	"pawl/receiver/quarantine"
)

// confinement is whether the program gives up the file system: who takes over the parser of what comes over the diode should find nothing there.
type confinement string

const (
	confineBest     confinement = "best"     // where the kernel can; otherwise it is said and goes on: what is not received is lost
	confineRequired confinement = "required" // or it does not run
	confineOff      confinement = "off"
)

// UnmarshalText reads one of the three words.
func (c *confinement) UnmarshalText(text []byte) error {
	switch one := confinement(text); one {
	case confineBest, confineRequired, confineOff:
		*c = one
		return nil
	}
	return fmt.Errorf("%q is none of \"best\", \"required\" and \"off\"", text)
}

// heldFlag is the hidden flag with which the program starts itself again.
const heldFlag = "held"

// held is how the program is confined, for its log.
type held struct {
	applied confine.Applied // zero: it is not
	why     error           // why not; nil: the configuration says "off"
}

// hold confines the program to the files that its configuration names and starts it again; the second time, when before says what the first did, it tries
// that it is. It returns in the second, and where nothing is or can be confined.
func hold(path, before string) (held, error) {
	if before != "" {
		applied, err := confine.ParseApplied(before)
		if err == nil {
			err = confine.Held(applied, true)
		}
		return held{applied: applied}, err
	}
	c, err := load(path)
	if err != nil {
		return held{}, err
	}
	if c.Confine == confineOff {
		return held{}, nil
	}
	// What is not there can't be allowed, and what may be tried of the quarantine is tried now: later it has room for arrivals only.
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return held{}, fmt.Errorf("make state folder: %w", err)
	}
	store, err := quarantine.Open(c.Quarantine)
	if err != nil {
		return held{}, err
	}
	d := c.needs(path, store)
	err = confine.Hold("--"+heldFlag, d)
	if errors.Is(err, confine.ErrAbsent) && c.Confine == confineBest {
		return held{why: err}, nil
	}
	return held{}, conf.Locate(path, conf.At("confine", err))
}

// interfaces is where the kernel counts what the interfaces took and sent.
const interfaces = "/sys"

// needs is what the program opens from its start to its end, reloads of the configuration and exchanged key files included: so folders, not files.
func (c *config) needs(path string, store *quarantine.Store) confine.Reach {
	d := confine.Reach{Read: append(c.readFolders(path), interfaces, c.Quarantine), Write: append(store.Arrivals(), c.State), Datagrams: true}
	if network, address := c.Metrics.Listen.Network(); network == "unix" {
		d.Sockets = []string{filepath.Dir(address)}
	}
	return d
}

// readFolders are those of configuration and keys.
func (c *config) readFolders(path string) []string {
	all := []string{filepath.Dir(path), filepath.Dir(c.Key), filepath.Dir(c.Sender)}
	slices.Sort(all)
	return slices.Compact(all)
}

// strange are secrets of other programs in the folders that this program can read.
func (c *config) strange(path string) (found []string) {
	for _, folder := range c.readFolders(path) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue // it is not read by others through this program either
		}
		for _, e := range entries {
			name := filepath.Join(folder, e.Name())
			own, err := sameFile(name, c.Key)
			if err == nil && !own && e.Type().IsRegular() && keyfile.IsSecret(name) {
				found = append(found, name)
			}
		}
	}
	return found
}

func sameFile(a, b string) (bool, error) {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	if errors.Is(err2, fs.ErrNotExist) {
		return false, err1
	}
	return err1 == nil && err2 == nil && os.SameFile(one, other), errors.Join(err1, err2)
}

// explain adds why a file that is there can't be read, and the remedy.
func (h held) explain(err error) error {
	if h.applied.Landlock > 0 && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("confined to the folders that were named at the start, so restart it or put the file into one of them: %w", err)
	}
	return err
}

// quarantine opens the quarantine; a program that is confined has opened it whole before.
func (h held) quarantine(root string) (*quarantine.Store, error) {
	if h.applied.Landlock > 0 {
		return quarantine.View(root)
	}
	return quarantine.Open(root)
}

// tell says in the log how the program is held, and what should not be within its reach.
func (h held) tell(c *config, path string, log *zap.Logger) {
	switch {
	case h.applied.Landlock > 0:
		log.Info("confined: no file can be opened but those that the configuration names", zap.Stringer("by", h.applied))
	case h.why != nil:
		log.Warn("not confined: whoever takes this program over can open what its user can", zap.Error(h.why))
	default:
		log.Warn("not confined: the configuration says confine = \"off\"")
	}
	for _, name := range c.strange(path) {
		log.Warn("a secret of another program is within reach: move it to that program's own folder, and let another user own it", zap.String("file", name))
	}
}
