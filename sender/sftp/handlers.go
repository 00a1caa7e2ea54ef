package sftp

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/pkg/sftp"
)

// handlers are the answers to one session.
type handlers struct {
	store *store
	files *limit
}

// errOpen says that a connection has too much open.
var errOpen = errors.New("too many files open: close some")

// Fileread refuses: nothing is given back.
func (h *handlers) Fileread(*sftp.Request) (io.ReaderAt, error) {
	return nil, sftp.ErrSSHFxPermissionDenied
}

// Filewrite opens a file for writing.
func (h *handlers) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	p, err := local(r.Filepath)
	if err != nil {
		return nil, err
	}
	if p == "" {
		return nil, sftp.ErrSSHFxPermissionDenied
	}
	if !h.files.take() {
		return nil, errOpen
	}
	flags := r.Pflags()
	u, err := h.store.create(p, flags.Trunc, flags.Excl, h.files)
	if err != nil {
		h.files.give()
		return nil, err
	}
	return u, nil
}

// Filecmd changes what is not in the outbox yet.
func (h *handlers) Filecmd(r *sftp.Request) error {
	p, err := local(r.Filepath)
	if err != nil {
		return err
	}
	if p == "" {
		return sftp.ErrSSHFxPermissionDenied
	}
	switch r.Method {
	case "Setstat":
		return h.setstat(r, p)
	case "Rename":
		return h.rename(r, p, false)
	case "Mkdir":
		return h.store.mkdir(p)
	case "Rmdir":
		return h.store.remove(p, true)
	case "Remove":
		return h.store.remove(p, false)
	}
	return sftp.ErrSSHFxOpUnsupported // links of both kinds
}

// PosixRename is a rename that may replace a file.
func (h *handlers) PosixRename(r *sftp.Request) error {
	p, err := local(r.Filepath)
	if err != nil {
		return err
	}
	return h.rename(r, p, true)
}

func (h *handlers) rename(r *sftp.Request, from string, replace bool) error {
	to, err := local(r.Target)
	if err != nil {
		return err
	}
	if from == "" || to == "" {
		return sftp.ErrSSHFxPermissionDenied
	}
	return h.store.rename(from, to, replace)
}

// setstat keeps size and time; modes and owners are not a client's.
func (h *handlers) setstat(r *sftp.Request, p string) error {
	flags, attrs := r.AttrFlags(), r.Attributes()
	switch {
	case attrs == nil:
		return sftp.ErrSSHFxBadMessage
	case !flags.Size && !flags.Acmodtime:
		return sftp.ErrSSHFxPermissionDenied
	}
	s := h.store
	s.mu.Lock()
	u, gone := s.open[p], s.recent.infos[p] != nil
	s.mu.Unlock()
	if flags.Size {
		if u == nil {
			return sftp.ErrSSHFxPermissionDenied
		}
		if err := u.truncate(attrs.Size); err != nil {
			return err
		}
	}
	if !flags.Acmodtime {
		return nil
	}
	err := s.setTime(p, time.Unix(int64(attrs.Mtime), 0))
	if errors.Is(err, fs.ErrNotExist) && gone {
		return nil // too late: it is in the outbox, and was told to be whole
	}
	return err
}

// Filelist tells of what is not in the outbox yet, and of what has just gone there.
func (h *handlers) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	p, err := local(r.Filepath)
	if err != nil {
		return nil, err
	}
	s := h.store
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case "List":
		if !h.files.take() {
			return nil, errOpen
		}
		all, err := s.list(p)
		if err != nil {
			h.files.give()
			return nil, err
		}
		return &listing{infos: all, give: h.files.give}, nil
	case "Stat":
		if p == "" {
			p = "."
		}
		info, err := s.stat(p)
		if sent := s.recent.infos[p]; err != nil && sent != nil {
			info, err = sent, nil
		}
		if err != nil {
			return nil, err
		}
		return &listing{infos: []fs.FileInfo{info}}, nil
	}
	return nil, sftp.ErrSSHFxOpUnsupported
}

// listing is the answer to a question about names.
type listing struct {
	infos []fs.FileInfo
	give  func() // nil if the listing was not counted
}

// ListAt copies what there is from index at on.
func (l *listing) ListAt(dst []fs.FileInfo, at int64) (int, error) {
	if at < 0 || at >= int64(len(l.infos)) {
		return 0, io.EOF
	}
	n := copy(dst, l.infos[at:])
	if n < len(dst) {
		return n, io.EOF
	}
	return n, nil
}

// Close ends the listing.
func (l *listing) Close() error {
	if l.give != nil {
		l.give()
	}
	return nil
}
