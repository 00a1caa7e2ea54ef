package main

import (
	"path"
	"strings"
	"testing"

	"pawl/hw/confine/killtest"
)

// A kill takes nothing that was written, a power cut takes what was not synced. It can't be played here; but the order of an undisturbed
// run's calls shows whether it would take something that matters.

// powerless is what a power cut could take of what a run did so far.
type powerless map[string]killtest.Call // by path: a file's bytes, mode and time, or a folder's names

// make notes what a call does.
func (p powerless) make(c killtest.Call) {
	switch c.Name {
	case "fsync", "fdatasync":
		delete(p, c.Path)
	case "syncfs":
		clear(p)
	case "write", "pwrite64", "ftruncate", "fchmod", "fchmodat", "utimensat":
		p[c.Path] = c
	case "mkdirat", "mkdir":
		p[path.Dir(c.Path)] = c
	case "openat":
		// What is opened under other names is there already, or nothing is lost with it: the log's lock.
		if strings.HasPrefix(c.Path, "inbox/") || strings.HasSuffix(c.Path, ".tmp") || strings.Contains(c.Path, ".pawl-new-") {
			p[path.Dir(c.Path)] = c
		}
	case "renameat", "renameat2":
		p[path.Dir(c.Path)], p[path.Dir(c.To)] = c, c
	}
}

// in is something that is not synced in a folder, itself included; "" when all is.
func (p powerless) in(folder string) string {
	for at, c := range p {
		if at == folder || strings.HasPrefix(at, folder+"/") {
			return c.String()
		}
	}
	return ""
}

// before names what must be synced before a call that others build on: folders with all that is in them.
func before(c killtest.Call) []string {
	top, rest, _ := strings.Cut(c.To, "/")
	switch {
	case !strings.HasPrefix(c.Name, "rename") || strings.Contains(c.To, "-probe-"):
		return nil
	case c.Path == "audit/checkpoint.new":
		return []string{"audit"}
	case top == "inbox":
		return []string{path.Dir(c.Path), "audit", "quarantine/checking/" + path.Base(path.Dir(c.Path))[len(".pawl-"):]}
	case top == "quarantine" && strings.HasPrefix(rest, "released/"):
		return []string{"inbox", "audit", c.Path}
	case top == "quarantine" && strings.Count(rest, "/") == 1:
		return []string{"audit", c.Path} // a change of state
	}
	return []string{c.Path} // a file in place of another
}

// synced says what of a run a power cut could turn into something that must never be, and how many renames were looked at.
func synced(calls []killtest.Call) (faults []string, looked int) {
	p := powerless{}
	for _, c := range calls {
		for _, folder := range before(c) {
			looked++
			if lost := p.in(folder); lost != "" {
				faults = append(faults, c.String()+" while a power cut could take "+lost)
			}
		}
		p.make(c)
	}
	return faults, looked
}

// TestSyncedSeesWhatIsNot: the judge of the order finds a sync that is missing.
func TestSyncedSeesWhatIsNot(t *testing.T) {
	calls := []killtest.Call{
		{Name: "mkdirat", Path: "inbox/.pawl-1-aa"},
		{Name: "openat", Path: "inbox/.pawl-1-aa/tree"}, {Name: "write", Path: "inbox/.pawl-1-aa/tree"}, {Name: "fsync", Path: "inbox/.pawl-1-aa/tree"},
		{Name: "fsync", Path: "inbox/.pawl-1-aa"},
		{Name: "openat", Path: "audit/checkpoint.new.tmp"}, {Name: "write", Path: "audit/checkpoint.new.tmp"}, {Name: "fsync", Path: "audit/checkpoint.new.tmp"},
		{Name: "renameat", Path: "audit/checkpoint.new.tmp", To: "audit/checkpoint.new"}, {Name: "fsync", Path: "audit"},
		{Name: "renameat", Path: "audit/checkpoint.new", To: "audit/checkpoint"}, {Name: "fsync", Path: "audit"},
		{Name: "renameat2", Path: "inbox/.pawl-1-aa/tree", To: "inbox/tree"}, {Name: "fsync", Path: "inbox"}, {Name: "fsync", Path: "inbox/.pawl-1-aa"},
		{Name: "renameat", Path: "quarantine/checking/1-aa", To: "quarantine/released/1-aa"},
	}
	if faults, looked := synced(calls); len(faults) != 0 || looked != 8 {
		t.Errorf("%d looks, %q", looked, faults)
	}
	for i, c := range calls {
		if c.Name != "fsync" {
			continue
		}
		without := append(append([]killtest.Call{}, calls[:i]...), calls[i+1:]...)
		if faults, _ := synced(without); len(faults) == 0 {
			t.Errorf("without call %d, %v: no fault found", i+1, c)
		}
	}
}
