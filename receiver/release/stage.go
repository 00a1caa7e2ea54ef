package release

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"pawl/framing"
	"pawl/hw/disk"
	"pawl/receiver/quarantine"
)

// Modes of what is released: chosen here, never taken from the wire. Setuid, setgid and sticky
// bits are never set.
const (
	fileMode   fs.FileMode = 0o644
	execMode   fs.FileMode = 0o755
	folderMode fs.FileMode = 0o755
	stageMode  fs.FileMode = 0o700 // nobody else may look into what is not proved yet
)

// few is up to how many entries are synced one by one; for more, one sync of the whole file
// system is cheaper, although it writes back other programs' data too.
const few = 32

// Stage is a transfer that is being built in a folder of the inbox that nobody else may enter. It is the
// [check.Sink] that Verify writes to.
//
// Entries come in plan order, in which a folder's content follows it without a gap. So only the
// folders above the last entry are open, and a folder that is left is finished: its time and
// mode are set then, deepest first. What grows is a sum of eight octets for each file.
type Stage struct {
	id      quarantine.ID
	in      *inbox
	root    *os.Root
	dir     *os.File
	folders []folder // open ones, from the top down
	entries int
	sums    []uint64                       // XXH64 of each file as it was handed to the disk, in plan order: 8 MB for a million files
	step    func(string)                   // tests stop the program here
	passed  func()                         // hears of each file that was read back; nil: nobody
	commit  func(write func() error) error // asks for the last time before write notes that the release has begun; nil: nobody is asked
}

// begin notes that the release has begun, if nothing speaks against it now.
func (s *Stage) begin(write func() error) error {
	if s.commit == nil {
		return write()
	}
	return s.commit(write)
}

// errUnfit is the kind of errors about a name that the inbox's file system will never take.
var errUnfit = errors.New("the inbox can't have such a name")

// unfit makes an error about a new name one that is not tried again, where it says that the name can't be.
func unfit(err error) error {
	if disk.IsUnfit(err) {
		return fmt.Errorf("%w: %w", errUnfit, err)
	}
	return err
}

// folder is an open folder of the transfer.
type folder struct {
	entry framing.Entry
	root  *os.Root
}

// newStage makes the folder, in place of whatever bears its name.
func newStage(in *inbox, id quarantine.ID, step func(string)) (*Stage, error) {
	if err := in.unstage(id); err != nil {
		return nil, err
	}
	name := stageName(id)
	if err := in.root.Mkdir(name, stageMode); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	made, err := in.root.Lstat(name)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	root, err := in.root.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	s := &Stage{id: id, in: in, root: root, step: step}
	s.dir, err = root.Open(".")
	if err != nil {
		s.close()
		return nil, fmt.Errorf("stage: %w", err)
	}
	// Whoever may write to the inbox can put a link in the folder's place; what was opened must be
	// what was made.
	opened, err := s.dir.Stat()
	if err != nil || !os.SameFile(made, opened) {
		s.close()
		return nil, errors.Join(errors.New("stage: the folder was exchanged"), err)
	}
	step("stage made")
	return s, nil
}

// close lets go of all handles; what is staged stays.
func (s *Stage) close() {
	for _, f := range s.folders {
		f.root.Close()
	}
	s.folders = nil
	s.root.Close()
	if s.dir != nil {
		s.dir.Close()
	}
}

// Begin refuses a transfer whose name is taken before its bytes are copied, where that is not to be settled in another way.
func (s *Stage) Begin(head framing.PlanHead) error {
	if s.in.collision == Version || s.in.collision == Same {
		return nil
	}
	return s.in.taken(head.Name)
}

// parent finishes the folders that e is not in and gives the one that it is in, and its name there.
func (s *Stage) parent(e *framing.Entry) (*os.Root, string, error) {
	above, name := path.Split(e.Path)
	above = strings.TrimSuffix(above, "/")
	for len(s.folders) > 0 && s.folders[len(s.folders)-1].entry.Path != above {
		if err := s.leave(); err != nil {
			return nil, "", err
		}
	}
	s.entries++
	if len(s.folders) > 0 {
		return s.folders[len(s.folders)-1].root, name, nil
	}
	if above != "" {
		return nil, "", fmt.Errorf("stage %q: its folder is not in the plan before it", e.Path)
	}
	return s.root, name, nil
}

// leave finishes the deepest open folder.
func (s *Stage) leave() error {
	last := len(s.folders) - 1
	f := s.folders[last]
	s.folders = s.folders[:last]
	above := s.root
	if last > 0 {
		above = s.folders[last-1].root
	}
	defer f.root.Close()
	dir, err := f.root.Open(".")
	if err != nil {
		return fmt.Errorf("stage %q: %w", f.entry.Path, err)
	}
	defer dir.Close()
	err = errors.Join(dir.Chmod(folderMode), above.Chtimes(path.Base(f.entry.Path), time.Time{}, modTime(&f.entry)))
	if err == nil && s.entries <= few {
		err = dir.Sync()
	}
	if err != nil {
		return fmt.Errorf("stage %q: %w", f.entry.Path, err)
	}
	return nil
}

// Dir makes one folder.
func (s *Stage) Dir(e framing.Entry) error {
	above, name, err := s.parent(&e)
	if err != nil {
		return err
	}
	if err := above.Mkdir(name, stageMode); err != nil {
		return fmt.Errorf("stage %q: %w", e.Path, unfit(err))
	}
	root, err := above.OpenRoot(name)
	if err != nil {
		return fmt.Errorf("stage %q: %w", e.Path, err)
	}
	s.folders = append(s.folders, folder{entry: e, root: root})
	s.step("folder staged")
	return nil
}

// File makes one file; O_EXCL makes it new and not a link that somebody put there.
func (s *Stage) File(e framing.Entry) (io.WriteCloser, error) {
	above, name, err := s.parent(&e)
	if err != nil {
		return nil, err
	}
	f, err := above.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("stage %q: %w", e.Path, unfit(err))
	}
	return &stagedFile{stage: s, entry: e, above: above, name: name, file: f, sum: xxhash.New()}, nil
}

// stagedFile is a file that is being written.
type stagedFile struct {
	stage *Stage
	entry framing.Entry
	above *os.Root
	name  string
	file  *os.File
	sum   *xxhash.Digest
}

func (f *stagedFile) Write(p []byte) (int, error) {
	f.sum.Write(p) // has no error
	return f.file.Write(p)
}

// Close gives the file its mode and time and, where there are few, makes it last.
func (f *stagedFile) Close() error {
	mode := fileMode
	if f.entry.Exec {
		mode = execMode
	}
	err := f.file.Chmod(mode)
	if err == nil && f.stage.in.verity {
		err = f.seal()
	}
	err = errors.Join(err, f.above.Chtimes(f.name, time.Time{}, modTime(&f.entry)))
	if err == nil && f.stage.entries <= few {
		err = f.file.Sync()
	}
	if err := errors.Join(err, f.file.Close()); err != nil {
		return fmt.Errorf("stage %q: %w", f.entry.Path, err)
	}
	f.stage.sums = append(f.stage.sums, f.sum.Sum64())
	f.stage.step("file staged")
	return nil
}

// seal gives the file fs-verity where it can be had, which wants it open for reading only. Here and not when it is in the inbox: ext4 sets the
// file's time anew.
func (f *stagedFile) seal() error {
	read, err := f.above.Open(f.name)
	if err != nil {
		return err
	}
	written := f.file
	f.file = read
	if err := written.Close(); err != nil {
		return err
	}
	err = disk.EnableVerity(read)
	if err != nil && f.stage.in.noVerity == nil && !errors.Is(err, errors.ErrUnsupported) {
		f.stage.in.noVerity = err
	}
	return nil
}

func modTime(e *framing.Entry) time.Time { return time.Unix(0, e.ModTime) }

// finish makes everything that is staged last.
func (s *Stage) finish() error {
	for len(s.folders) > 0 {
		if err := s.leave(); err != nil {
			return err
		}
	}
	if s.entries > few {
		return disk.SyncFileSystem(s.dir)
	}
	if err := s.dir.Sync(); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	return nil
}
