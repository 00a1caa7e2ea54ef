package sftp

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"go.uber.org/zap"

	"pawl/hw/disk"
)

// maxRecent bounds what is remembered of files that went to the outbox.
const maxRecent = 256

// recent are the last files that went to the outbox: clients ask for the size of what they
// have just sent.
type recent struct {
	infos map[string]fs.FileInfo
	order []string
}

func (r *recent) add(p string, info fs.FileInfo) {
	if r.infos == nil {
		r.infos = map[string]fs.FileInfo{}
	}
	if r.infos[p] == nil {
		r.order = append(r.order, p)
	}
	r.infos[p] = info
	if len(r.order) > maxRecent {
		delete(r.infos, r.order[0])
		r.order = r.order[1:]
	}
}

// land brings the whole file at p to the outbox, if it is one that goes by itself. The file
// stays where it is, whole, when the outbox has one of its name.
func (s *store) land(p string) error {
	if strings.Contains(p, "/") && !s.user.Files || s.user.Keep != nil && s.user.Keep(p) {
		return nil
	}
	info, err := s.root.Lstat(p)
	if err != nil {
		return err
	}
	if err := s.move(p); err != nil {
		return err
	}
	s.entries--
	s.octets -= min(s.octets, uint64(info.Size()))
	s.recent.add(p, info)
	s.log.Info("sftp: file taken", zap.String("path", p), zap.Int64("bytes", info.Size()))
	return nil
}

// move renames what lies at p into the outbox, over nothing, and makes that last.
func (s *store) move(p string) error {
	folder, name := path.Split(p)
	if folder != "" {
		if err := s.outbox.MkdirAll(path.Clean(folder), 0o755); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
	}
	from, err := s.root.Open(path.Clean(folder)) // "" is "."
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := s.outbox.Open(path.Clean(folder))
	if err != nil {
		return err
	}
	defer to.Close()
	err = disk.RenameNoReplace(from, name, to, name)
	if errors.Is(err, fs.ErrExist) {
		return tell(p, errors.New("another of this name still waits in the outbox: it goes there later by itself, or rename it"))
	}
	return errors.Join(err, to.Sync(), from.Sync())
}

// tidy brings to the outbox what is finished and has not gone there by itself: folders, and
// files whose name was taken. What was given up long ago is removed.
func (s *store) tidy(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		s.log.Error("sftp: folder cannot be read", zap.Error(err))
		return
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			s.tidyFolder(name, now)
			continue
		}
		if strings.HasPrefix(name, partPrefix) {
			s.expire(name, now)
			continue
		}
		_ = s.land(name) // it was said when it was closed; again in a second
	}
}

// idle says whether nothing happens in a folder at the top any more.
func (s *store) idle(name string, now time.Time) bool {
	since, known := s.touched[name]
	if !known { // it was there at the start
		s.touched[name] = now
		return false
	}
	if s.present > 0 {
		return now.Sub(since) >= max(folderIdle, s.user.Quiet)
	}
	if s.left.After(since) {
		since = s.left
	}
	return now.Sub(since) >= s.user.Quiet
}

// tidyFolder brings a folder at the top to the outbox when it holds files and all of them
// are whole, or its files one by one.
func (s *store) tidyFolder(name string, now time.Time) {
	if s.writes(name) || !s.idle(name, now) {
		return
	}
	files, parts := []string(nil), 0
	err := fs.WalkDir(s.root.FS(), name, func(at string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
		case strings.HasPrefix(d.Name(), partPrefix):
			parts++
			s.expire(at, now)
		case s.user.Keep != nil && s.user.Keep(at):
			parts++
		default:
			files = append(files, at)
		}
		return nil
	})
	if err != nil || len(files) == 0 || parts > 0 && !s.user.Files {
		return
	}
	if s.user.Files {
		for _, at := range files {
			_ = s.land(at)
		}
		return
	}
	octets, count, err := s.sum(name)
	if err == nil {
		err = s.move(name)
	}
	if err != nil {
		s.touched[name] = now // later again
		s.log.Warn("sftp: folder stays", zap.String("path", name), zap.Error(err))
		return
	}
	delete(s.touched, name)
	s.octets -= min(s.octets, octets)
	s.entries -= count
	s.log.Info("sftp: folder taken", zap.String("path", name), zap.Int("entries", count), zap.Uint64("bytes", octets))
}

// expire removes a file that is not whole and was not written to for a long time.
func (s *store) expire(at string, now time.Time) {
	folder, name := path.Split(at)
	if s.open[folder+strings.TrimPrefix(name, partPrefix)] != nil {
		return
	}
	info, err := s.root.Lstat(at)
	if err != nil || now.Sub(info.ModTime()) < keepPartial {
		return
	}
	if err := s.root.Remove(at); err != nil {
		s.log.Error("sftp: partial file", zap.String("path", at), zap.Error(err))
		return
	}
	s.entries--
	s.octets -= min(s.octets, uint64(info.Size()))
	s.log.Warn("sftp: partial file given up", zap.String("path", at), zap.Int64("bytes", info.Size()))
}
