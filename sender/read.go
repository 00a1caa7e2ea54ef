package sender

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"pawl/framing"
)

// treeReader reads the content of a transfer: its files one after the other, in plan order.
// It holds each file to what the walk found and to itself, before and after.
type treeReader struct {
	plan   *framing.PlanReader
	spools []*os.File // plan and inodes, to be closed
	inodes *bufio.Reader

	top        *os.Root // the folder that holds the top of the transfer
	folder     *os.Root // the folder of the file that was opened last, nil: top
	folderPath string

	file   *os.File // nil between files
	path   string
	before identity
	left   uint64 // octets of file not read yet
	ended  uint64 // files read to their end
}

// place is where the tree is, for resume.
func (t *treeReader) place(p *progress) {
	p.Files = t.ended
	if t.file != nil {
		p.Into, p.Change = t.before.size-t.left, t.before.change
	}
}

// resume goes to a place where an earlier run was. The file there must still be what it was:
// part of it was hashed then.
func (t *treeReader) resume(p progress) error {
	for t.ended < p.Files {
		e, err := t.plan.Next()
		if err == nil && e.Dir {
			continue
		}
		if err == nil {
			_, err = t.inodes.Discard(8)
		}
		if err != nil {
			return fmt.Errorf("go on in the plan: %w", err)
		}
		t.ended++
	}
	if p.Into == 0 {
		return nil
	}
	if err := t.open(); err != nil {
		return err
	}
	if t.before.change != p.Change || p.Into > t.left {
		return abort(t.path, "it was changed while it was read")
	}
	if _, err := t.file.Seek(int64(p.Into), io.SeekStart); err != nil {
		return abort(t.path, "cannot be read: %v", cause(err))
	}
	t.left -= p.Into
	return nil
}

// openTree opens the source of a planned transfer for one pass.
func openTree(rec *record, dir string) (t *treeReader, err error) {
	t = new(treeReader)
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	for _, name := range []string{planFile, inodesFile} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("open plan: %w", err)
		}
		t.spools = append(t.spools, f)
	}
	if t.plan, err = framing.NewPlanReader(t.spools[0], framing.PlanLimits{}); err != nil {
		return nil, fmt.Errorf("open plan: %w", err)
	}
	t.inodes = bufio.NewReader(t.spools[1])
	if t.top, err = os.OpenRoot(filepath.Dir(rec.source(dir))); err != nil {
		return nil, abort(rec.Name, "cannot be read: %v", cause(err))
	}
	return t, nil
}

func (t *treeReader) close() {
	for _, f := range append(t.spools, t.file) {
		if f != nil {
			f.Close()
		}
	}
	for _, r := range []*os.Root{t.top, t.folder} {
		if r != nil {
			r.Close()
		}
	}
}

// fill reads the next len(dst) octets of content into dst and appends to ends where in dst
// files end. At the last call the files without content that follow are taken along.
func (t *treeReader) fill(ctx context.Context, dst []byte, ends []int, last bool) ([]int, error) {
	at := 0
	for {
		switch {
		case t.file == nil && at == len(dst) && !last:
			return ends, nil
		case t.file == nil:
			err := t.open()
			if err == io.EOF && at == len(dst) {
				return ends, nil
			}
			if err != nil {
				return ends, err
			}
		case t.left == 0:
			if err := t.end(); err != nil {
				return ends, err
			}
			ends = append(ends, at)
		case at == len(dst):
			return ends, nil
		default:
			n, err := t.read(ctx, dst[at:])
			if err != nil {
				return ends, err
			}
			at += n
		}
	}
}

// read reads from the open file, as much as one call gives.
func (t *treeReader) read(ctx context.Context, dst []byte) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.file.Read(dst[:min(t.left, uint64(len(dst)))])
	t.left -= uint64(n)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, io.EOF):
		return 0, abort(t.path, "became shorter while it was read")
	default:
		return 0, abort(t.path, "cannot be read: %v", cause(err))
	}
}

// open goes on to the next file of the plan; io.EOF means that there is none.
func (t *treeReader) open() error {
	e, err := t.plan.Next()
	for err == nil && e.Dir {
		e, err = t.plan.Next()
	}
	if err == io.EOF {
		return err
	}
	if err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	var inode [8]byte
	if _, err := io.ReadFull(t.inodes, inode[:]); err != nil {
		return fmt.Errorf("read inodes: %w", err)
	}
	if err := t.openFile(e.Path); err != nil {
		return err
	}
	listed := identity{
		size: e.Size, mtime: e.ModTime,
		inode: binary.BigEndian.Uint64(inode[:]), change: t.before.change,
	}
	if d := listed.difference(t.before); d != "" {
		return abort(e.Path, "%s since it was listed", d)
	}
	t.left = e.Size
	return nil
}

// openFile opens the file at p inside the top and looks at it.
func (t *treeReader) openFile(p string) error {
	folder, err := t.enter(path.Dir(p))
	if err != nil {
		return abort(p, "cannot be read: %v", cause(err))
	}
	f, err := folder.OpenFile(path.Base(p), openFlags, 0)
	if err != nil {
		return abort(p, "cannot be read: %v", cause(err))
	}
	t.file, t.path = f, p
	info, err := f.Stat()
	if err != nil {
		return abort(p, "cannot be read: %v", cause(err))
	}
	if !info.Mode().IsRegular() {
		return abort(p, "is no longer a file")
	}
	t.before = identify(info)
	return nil
}

// enter returns the folder at p, which neighbours in the plan mostly share.
func (t *treeReader) enter(p string) (*os.Root, error) {
	if p == "." {
		return t.top, nil
	}
	if t.folder != nil && t.folderPath == p {
		return t.folder, nil
	}
	folder, err := t.top.OpenRoot(p)
	if err != nil {
		return nil, err
	}
	if t.folder != nil {
		t.folder.Close()
	}
	t.folder, t.folderPath = folder, p
	return folder, nil
}

// end closes a file that was read to the length it had, if it still is what it was.
func (t *treeReader) end() error {
	info, err := t.file.Stat()
	t.file.Close()
	t.file = nil
	t.ended++
	if err != nil {
		return abort(t.path, "cannot be read: %v", cause(err))
	}
	if d := t.before.difference(identify(info)); d != "" {
		return abort(t.path, "%s while it was read", d)
	}
	return nil
}
