package sender

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"pawl/framing"
)

// Symlinks says what the walk does with symbolic links inside a transfer. A link that is
// the top of a transfer is refused in any case.
type Symlinks int

// The policies for symbolic links.
const (
	SymlinksRefuse Symlinks = iota // the whole transfer is refused
	SymlinksSkip                   // the link is left out, and the log says so
)

// walker lists a source in plan order into two spools. Its memory is the names of the
// largest folder, whatever the tree holds.
type walker struct {
	ctx context.Context
	rules
	batch bool // the first component of a path is our name, not one of the outbox

	entries *bufio.Writer // plan entries, as they will be sent
	inodes  *bufio.Writer // 8 octets for each file
	scratch []byte

	count, files, content uint64
}

// walk lists the source of rec, leaves the plan object and the inode numbers in dir, and
// writes counts, size and digest of the plan into rec. What may not cross is ErrRefused.
func walk(ctx context.Context, rec *record, dir string, r rules) (err error) {
	entries, err := os.Create(filepath.Join(dir, planFile+".entries"))
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	defer os.Remove(entries.Name())
	defer entries.Close()
	inodes, err := os.Create(filepath.Join(dir, inodesFile))
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	defer func() {
		// On disk before the record says that the transfer is planned.
		if e := closeDurable(inodes, err); err == nil && e != nil {
			err = fmt.Errorf("walk: %w", e)
		}
	}()

	w := &walker{
		ctx: ctx, rules: r, batch: rec.Batch,
		entries: bufio.NewWriterSize(entries, 1<<16), inodes: bufio.NewWriterSize(inodes, 1<<16),
	}
	if err := w.top(rec.source(dir), rec.Name); err != nil {
		return err
	}
	if err := errors.Join(w.entries.Flush(), w.inodes.Flush()); err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	if w.content > framing.MaxLength {
		return refuse("", "%d octets are more than a transfer can hold", w.content)
	}
	rec.Entries, rec.Files, rec.Content = w.count, w.files, w.content
	return writePlan(rec, entries, filepath.Join(dir, planFile))
}

// writePlan puts the plan's head, which counts the entries, in front of them.
func writePlan(rec *record, entries *os.File, path string) error {
	head, err := framing.AppendPlanHead(nil, &framing.PlanHead{
		Channel: rec.Channel, Transfer: rec.Transfer, Created: rec.Created,
		Name: rec.Name, Entries: rec.Entries, Content: rec.Content,
	})
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	if _, err := entries.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	sum := sha256.New()
	out := io.MultiWriter(f, sum)
	_, err = out.Write(head)
	size := int64(0)
	if err == nil {
		size, err = io.Copy(out, entries)
	}
	if err := closeDurable(f, err); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	rec.Plan.Length = uint64(len(head)) + uint64(size)
	rec.PlanDigest = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// top lists the one entry a transfer has at its top, and all below it.
func (w *walker) top(source, name string) error {
	root, err := os.OpenRoot(filepath.Dir(source))
	if err != nil {
		return refuse("", "cannot be read: %v", cause(err))
	}
	defer root.Close()
	// A source that was claimed has the name of its transfer; one that was submitted too.
	return w.entry(root, filepath.Base(source), name)
}

// entry lists what is called base in folder; path is its path in the plan.
func (w *walker) entry(folder *os.Root, base, path string) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if err := framing.CheckPath(path); err != nil {
		return refuse(path, "%v", err)
	}
	info, err := folder.Lstat(base)
	if err != nil {
		return refuse(path, "cannot be read: %v", cause(err))
	}
	if why := w.filtered(path, info.IsDir()); why != "" {
		if w.intake.RefuseFiltered || w.count == 0 {
			return refuse(path, "%s", why)
		}
		return w.left(path, why)
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return w.file(folder, base, path, info)
	case mode.IsDir():
		return w.folder(folder, base, path, info)
	case mode&fs.ModeSymlink != 0:
		if w.symlinks == SymlinksSkip && w.count > 0 {
			w.skipped(path)
			return nil
		}
		return refuse(path, "is a symbolic link")
	default:
		return refuse(path, "is %s", kind(mode))
	}
}

// kind names what is neither file nor folder.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "of unknown kind " + mode.String()
}

func (w *walker) file(folder *os.Root, base, path string, info fs.FileInfo) error {
	// Opened and closed, so that what cannot be read is refused before its first packet.
	f, err := folder.OpenFile(base, openFlags, 0)
	if err != nil {
		return refuse(path, "cannot be read: %v", cause(err))
	}
	f.Close()
	id := identify(info)
	w.files++
	w.content += id.size
	if err := w.within(path, id.size); err != nil {
		return err
	}
	w.scratch = binary.BigEndian.AppendUint64(w.scratch[:0], id.inode)
	if _, err := w.inodes.Write(w.scratch); err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	return w.append(&framing.Entry{
		Path: path, Size: id.size, ModTime: id.mtime, Exec: info.Mode()&0o100 != 0,
	})
}

func (w *walker) folder(folder *os.Root, base, path string, info fs.FileInfo) error {
	if err := w.within(path, 0); err != nil {
		return err
	}
	if err := w.append(&framing.Entry{Path: path, Dir: true, ModTime: info.ModTime().UnixNano()}); err != nil {
		return err
	}
	sub, names, err := list(folder, base, info)
	if err != nil {
		return refuse(path, "cannot be read: %v", cause(err))
	}
	defer sub.Close()
	if err := w.twins(names, path); err != nil {
		return err
	}
	for _, name := range names {
		if err := w.entry(sub, name, path+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// list opens a folder that must still be the one of info, and returns its names in the
// order of the plan: octet by octet, which is what comparing component-wise comes to when
// each folder is followed by all it holds.
func list(parent *os.Root, base string, info fs.FileInfo) (*os.Root, []string, error) {
	sub, err := parent.OpenRoot(base)
	if err != nil {
		return nil, nil, err
	}
	names, err := readNames(sub, info)
	if err != nil {
		sub.Close()
		return nil, nil, err
	}
	return sub, names, nil
}

func readNames(sub *os.Root, info fs.FileInfo) ([]string, error) {
	f, err := sub.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(opened, info) {
		return nil, errors.New("another folder is in its place")
	}
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func (w *walker) append(e *framing.Entry) error {
	item, err := framing.AppendEntry(w.scratch[:0], e)
	if err != nil {
		return refuse(e.Path, "%v", err)
	}
	w.scratch = item
	w.count++
	if _, err := w.entries.Write(item); err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	return nil
}

// cause strips the path from a file error: the path of the plan is said already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
