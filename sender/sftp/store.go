package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
)

// partPrefix begins the name of a file that is not whole. framing.CheckName refuses it, so
// that no file of a user can have it.
const partPrefix = ".pawl-part-"

// maxNewName is the longest name of a file: with partPrefix it must be a name too.
const maxNewName = 255 - len(partPrefix)

// Errors a client is told, with the path in front.
var (
	errBusy  = errors.New("is being written")
	errQuota = errors.New("quota is used up: wait until the outbox has been emptied")
	errFull  = errors.New("disk full: wait until there is room")
	errMany  = errors.New("too many files and folders that have not gone to the outbox")
	errThere = errors.New("is there already")
)

// store is what one user has dropped and what has not gone to the outbox. All his
// connections share it.
type store struct {
	user    User
	reserve uint64
	log     *zap.Logger
	folder  string   // <channel>/sftp/<user>
	root    *os.Root // of folder
	outbox  *os.Root

	mu      sync.Mutex
	present int                  // connections
	left    time.Time            // when the last of them ended
	open    map[string]*upload   // by path
	touched map[string]time.Time // folders at the top: when anything in them last happened
	octets  uint64
	entries int
	recent  recent
}

// openStore makes the folder of a user and counts what is in it.
func openStore(u User, reserve uint64, log *zap.Logger) (s *store, err error) {
	s = &store{
		user: u, reserve: reserve, log: log.With(zap.String("user", u.Name)), folder: filepath.Join(u.Folder, "sftp", u.Name),
		open: map[string]*upload{}, touched: map[string]time.Time{}, left: time.Now(),
	}
	if err := errors.Join(os.MkdirAll(s.folder, 0o700), os.MkdirAll(filepath.Join(u.Folder, "outbox"), 0o755)); err != nil {
		return nil, err
	}
	if s.root, err = os.OpenRoot(s.folder); err != nil {
		return nil, err
	}
	if s.outbox, err = os.OpenRoot(filepath.Join(u.Folder, "outbox")); err != nil {
		s.root.Close()
		return nil, err
	}
	if s.octets, s.entries, err = s.sum("."); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *store) close() {
	s.root.Close()
	s.outbox.Close()
}

// sum counts the octets and the entries of what lies at p.
func (s *store) sum(p string) (octets uint64, entries int, err error) {
	err = fs.WalkDir(s.root.FS(), p, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == "." {
			return err
		}
		entries++
		if info, err := d.Info(); err != nil {
			return err
		} else if d.Type().IsRegular() {
			octets += uint64(info.Size())
		}
		return nil
	})
	return octets, entries, err
}

// connected counts the user's connections.
func (s *store) connected(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.present += n
	s.left = time.Now()
}

// local is the path below the user's folder that a client means, "" for the folder itself.
// It is one that the high side would take.
func local(p string) (string, error) {
	p = strings.TrimPrefix(path.Clean("/"+p), "/")
	if p == "" {
		return "", nil
	}
	if err := framing.CheckPath(p); err != nil {
		return "", err
	}
	if len(path.Base(p)) > maxNewName {
		return "", fmt.Errorf("name %.80q is longer than %d octets", path.Base(p), maxNewName)
	}
	return p, nil
}

// part is where the file at p lies while it is not whole.
func part(p string) string {
	folder, name := path.Split(p)
	return folder + partPrefix + name
}

// touch notes that something happened in the folder that p lies in.
func (s *store) touch(p string) {
	if top, _, inside := strings.Cut(p, "/"); inside {
		s.touched[top] = time.Now()
	} else if info, err := s.root.Lstat(p); err == nil && info.IsDir() {
		s.touched[p] = time.Now()
	}
}

// stat says what a user has at p: a file, also one that is not whole, or a folder.
func (s *store) stat(p string) (fs.FileInfo, error) {
	info, err := s.root.Lstat(p)
	if !errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	if info, e := s.root.Lstat(part(p)); e == nil {
		return named{info, path.Base(p)}, nil
	}
	return nil, err
}

// named is a file under the name that its user gave it.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

// list is what a user has in the folder at p.
func (s *store) list(p string) ([]fs.FileInfo, error) {
	if p == "" {
		p = "."
	}
	f, err := s.root.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var all []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone since
		}
		all = append(all, named{info, strings.TrimPrefix(e.Name(), partPrefix)})
	}
	return all, nil
}

// mkdir makes a folder.
func (s *store) mkdir(p string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries >= maxEntries {
		return tell(p, errMany)
	}
	if _, err := s.stat(p); err == nil {
		return tell(p, errThere)
	}
	if err := s.root.Mkdir(p, 0o755); err != nil {
		return err
	}
	s.entries++
	s.touch(p)
	return nil
}

// remove takes away a file that nobody writes, or an empty folder.
func (s *store) remove(p string, folder bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := s.stat(p)
	switch {
	case err != nil:
		return err
	case s.open[p] != nil:
		return tell(p, errBusy)
	case info.IsDir() != folder:
		return tell(p, errors.New("is a file where a folder is meant, or a folder for a file"))
	}
	at := p
	if _, err := s.root.Lstat(p); err != nil {
		at = part(p)
	}
	if err := s.root.Remove(at); err != nil {
		return err
	}
	s.entries--
	if !folder {
		s.octets -= min(s.octets, uint64(info.Size()))
	}
	delete(s.touched, p)
	s.touch(p)
	return nil
}

// rename gives a file or a folder another name. replace lets it take the place of a file.
func (s *store) rename(from, to string, replace bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := s.stat(from)
	if err != nil {
		return err
	}
	if s.writes(from) || s.writes(to) {
		return tell(from, errBusy)
	}
	if old, err := s.stat(to); err == nil && from != to {
		if !replace || old.IsDir() {
			return tell(to, errThere)
		}
		s.entries--
		s.octets -= min(s.octets, uint64(old.Size()))
		if err := s.root.Remove(part(to)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	src, dst := from, to
	if _, err := s.root.Lstat(from); err != nil {
		src, dst = part(from), part(to)
	}
	if err := s.root.Rename(src, dst); err != nil {
		return err
	}
	delete(s.touched, from)
	s.touch(from)
	s.touch(to)
	if info.IsDir() || src != from {
		return nil
	}
	return s.land(to)
}

// writes says whether a file at p or below it is open.
func (s *store) writes(p string) bool {
	for at := range s.open {
		if at == p || strings.HasPrefix(at, p+"/") {
			return true
		}
	}
	return false
}

// tell is an error with the path a client knows.
func tell(p string, err error) error { return fmt.Errorf("%.200q: %w", p, err) }
