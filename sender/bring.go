package sender

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.uber.org/zap"
)

// markerFolder holds the marker of an entry from before the entry is moved until after, at
// its path below the outbox: a claim that was broken off puts it back.
const markerFolder = ".pawl-ready"

// step is a place where a test may end a claim.
func (c *claimer) step(name string) error {
	if c.tap == nil {
		return nil
	}
	return c.tap(name)
}

// claim takes a drop out of a channel's outbox. What may not cross goes to refused/, which is
// no error: the error says that nothing could be moved.
func (c *claimer) claim(ctx context.Context, ch *channel, d drop) error {
	first := d.paths[0]
	name, _, inside := strings.Cut(first, "/")
	if d.batch != "" {
		name = d.batch
	}
	rec, dir, err := c.newRecord(ch, name, "", func(r *record) {
		r.Batch = d.batch != ""
		if inside {
			r.Inside = first
		}
	})
	if err != nil {
		return fmt.Errorf("claim %q: %w", first, err)
	}
	if err := c.step("recorded"); err != nil {
		return err
	}
	f := newFlight(rec, dir, ch)
	if err := c.bring(f, d); err != nil {
		return fmt.Errorf("claim %q: %w", first, err)
	}
	_, err = c.adopt(ctx, f)
	return err
}

// bring moves the entries of a drop into the folder of a transfer. Without any it removes that folder.
func (c *claimer) bring(f *flight, d drop) error {
	root, err := os.OpenRoot(f.channel.Folder)
	if err != nil {
		return err
	}
	defer root.Close()
	moved := 0
	var failed error
	for _, p := range d.paths {
		if err := c.bringOne(f, root, p); err != nil {
			if errors.Is(err, errEnded) {
				return err
			}
			failed = errors.Join(failed, err)
			continue
		}
		moved++
	}
	if moved == 0 {
		return errors.Join(failed, os.RemoveAll(f.dir))
	}
	if failed != nil {
		// They stay in the outbox, for the next look.
		c.log.Warn("some entries not claimed", zap.String("transfer", f.rec.ID), zap.Int("claimed", moved), zap.Error(failed))
	}
	folders := []string{filepath.Dir(f.rec.source(f.dir)), f.dir, f.channel.folder("claimed"), f.channel.folder("outbox")}
	if f.rec.Batch {
		folders = append(folders, f.rec.source(f.dir))
	}
	if f.rec.Inside != "" {
		folders = append(folders, filepath.Dir(filepath.Join(f.channel.folder("outbox"), f.rec.Inside)), filepath.Dir(f.target(f.rec.Inside)))
	}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	if err := c.step("synced"); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(f.dir, markerFolder)); err != nil {
		return err
	}
	return c.step("marker removed")
}

// errEnded is what a test's tap wraps: the process ends here.
var errEnded = errors.New("claim ended")

// target is where what lies at p below the outbox is put inside the transfer's folder.
func (f *flight) target(p string) string {
	top := f.rec.source(f.dir)
	if f.rec.Batch {
		return filepath.Join(top, p)
	}
	_, rest, _ := strings.Cut(p, "/")
	return filepath.Join(top, rest)
}

// bringOne moves one entry, after its marker.
func (c *claimer) bringOne(f *flight, root *os.Root, p string) error {
	if f.channel.Intake.Complete.has(CompleteReady) {
		mark := filepath.Join(f.dir, markerFolder, p+readySuffix)
		err := c.move(f, root, path.Join("outbox", p+readySuffix), mark)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := c.step("marker moved"); err != nil {
			return err
		}
	}
	if err := c.move(f, root, path.Join("outbox", p), f.target(p)); err != nil {
		return errors.Join(err, c.restore(f, p))
	}
	return c.step("entry moved")
}

// move renames what lies at from, below the channel's folder, to a place in the transfer's folder.
func (c *claimer) move(f *flight, root *os.Root, from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	if err := c.step("folder made"); err != nil {
		return err
	}
	rel, err := filepath.Rel(f.channel.Folder, to)
	if err != nil {
		return err
	}
	return root.Rename(from, rel)
}

// restore puts the marker of an entry that is not claimed back beside it.
func (c *claimer) restore(f *flight, p string) error {
	at := filepath.Join(f.dir, markerFolder, p+readySuffix)
	err := os.Rename(at, filepath.Join(f.channel.folder("outbox"), p+readySuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there was none, or its folder is gone too
	}
	return err
}

// unmark brings a claim that was broken off to its end: the marker of an entry that was not
// moved goes back. there says whether anything was moved; if not, the transfer's folder is
// removed.
func (c *claimer) unmark(f *flight) (there bool, err error) {
	marks := filepath.Join(f.dir, markerFolder)
	err = filepath.WalkDir(marks, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(marks, at)
		if err != nil {
			return err
		}
		p := strings.TrimSuffix(filepath.ToSlash(rel), readySuffix)
		if _, err := os.Lstat(f.target(p)); err == nil {
			return nil
		}
		return c.restore(f, p)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.RemoveAll(marks); err != nil {
		return false, err
	}
	at := f.rec.source(f.dir)
	if f.rec.Inside != "" {
		at = f.target(f.rec.Inside)
	}
	_, err = os.Lstat(at)
	if f.rec.Batch && err == nil {
		var inside []fs.DirEntry
		if inside, err = os.ReadDir(at); err == nil && len(inside) == 0 {
			err = fs.ErrNotExist
		}
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist) && f.rec.Source == "":
		return false, os.RemoveAll(f.dir) // nothing ever left the outbox
	case f.rec.Source != "":
		return true, nil // the walk will say it
	}
	return false, err
}

// maxParted bounds the entries that are refused alone out of one batch: each costs another
// walk of the others. With more at fault the rest is refused together.
const maxParted = 100

// part takes the entry at fault out of a batch and refuses it alone, so that it takes nothing
// else with it; rest says that the others can go on.
func (c *claimer) part(f *flight, why *fault) (rest bool, err error) {
	top := f.rec.source(f.dir)
	p, in := strings.CutPrefix(why.path, f.rec.Name+"/")
	if !f.rec.Batch || !in || f.parted >= maxParted {
		return false, nil
	}
	f.parted++
	all, err := os.ReadDir(top)
	if err != nil || len(all) < 2 {
		return false, err
	}
	name, _, _ := strings.Cut(p, "/")
	rec, dir, err := c.newRecord(f.channel, name, "", nil)
	if err != nil {
		return false, err
	}
	alone := newFlight(rec, dir, f.channel)
	to := rec.source(dir)
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.Rename(filepath.Join(top, name), to)); err != nil {
		return false, err
	}
	if err := c.step("parted"); err != nil {
		return false, err
	}
	if err := errors.Join(syncFolder(dir), syncFolder(f.channel.folder("claimed")), syncFolder(top)); err != nil {
		return false, err
	}
	return true, c.refuse(alone, &fault{kind: ErrRefused, path: p, reason: why.reason})
}

// walk lists a transfer by the rules of its channel.
func (c *claimer) walk(ctx context.Context, f *flight) error {
	r := rules{symlinks: f.channel.Symlinks, intake: &f.channel.Intake}
	r.skipped = func(path string) {
		c.log.Warn("symbolic link left out", zap.String("transfer", f.rec.ID), zap.String("path", path))
	}
	r.left = func(path, why string) error {
		if f.rec.Source != "" {
			c.log.Warn("left out", zap.String("transfer", f.rec.ID), zap.String("path", path), zap.String("reason", why))
			return nil
		}
		return c.putBack(f, path, why)
	}
	return walk(ctx, f.rec, f.dir, r)
}

// putBack moves what the name filters leave in the outbox, path in the plan, back to where it was.
func (c *claimer) putBack(f *flight, at, why string) error {
	below := at
	if f.rec.Batch {
		below = strings.TrimPrefix(at, f.rec.Name+"/")
	}
	from, err := filepath.Rel(f.channel.Folder, f.target(below))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(f.channel.Folder)
	if err != nil {
		return err
	}
	defer root.Close()
	to := path.Join("outbox", below)
	if err := root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return refuse(at, "%s; it cannot stay in the outbox: %v", why, cause(err))
	}
	if _, err := root.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return refuse(at, "%s; another has its place in the outbox", why)
	}
	if err := root.Rename(from, to); err != nil {
		return refuse(at, "%s; it cannot stay in the outbox: %v", why, cause(err))
	}
	c.log.Info("left in the outbox", zap.String("transfer", f.rec.ID), zap.String("path", at), zap.String("reason", why))
	return syncFolder(filepath.Join(f.channel.Folder, path.Dir(to)))
}
