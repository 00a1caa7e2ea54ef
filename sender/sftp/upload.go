package sftp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/hw/disk"
)

// roomEvery is how many octets are written between two looks at the room on the disk.
const roomEvery = 16 << 20

// upload is a file that is being written. Several goroutines of the library may write.
type upload struct {
	store *store
	files *limit
	path  string

	mu      sync.Mutex
	file    *os.File
	size    uint64 // octets it holds; holes count
	checked uint64 // size at which the room on the disk was last asked for
	cut     bool   // the connection went before the close
	closed  bool
}

// create opens the file at p for writing: where there is none, or truncate says so, an empty
// one; otherwise what there is, to go on with.
func (s *store) create(p string, truncate, exclusive bool, files *limit) (*upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[p] != nil {
		return nil, tell(p, errBusy)
	}
	info, err := s.stat(p)
	switch {
	case err == nil && exclusive:
		return nil, tell(p, errThere)
	case err == nil && !info.Mode().IsRegular():
		return nil, tell(p, errors.New("is a folder"))
	case err != nil && s.entries >= maxEntries:
		return nil, tell(p, errMany)
	}
	fresh := errors.Is(err, fs.ErrNotExist)
	if !fresh {
		if err := s.root.Rename(p, part(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	flag := os.O_RDWR | os.O_CREATE
	if truncate {
		flag |= os.O_TRUNC
	}
	f, err := s.root.OpenFile(part(p), flag, 0o644)
	if err != nil {
		return nil, told(p, err)
	}
	u := &upload{store: s, files: files, path: p, file: f}
	now, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	u.size = uint64(now.Size())
	if fresh {
		s.entries++
	} else {
		s.octets -= min(s.octets, uint64(info.Size()))
		s.octets += u.size
	}
	s.open[p] = u
	s.touch(p)
	return u, nil
}

// WriteAt writes, within quota and disk.
func (u *upload) WriteAt(p []byte, at int64) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.closed:
		return 0, os.ErrClosed
	case at < 0 || at > math.MaxInt64-int64(len(p)):
		return 0, tell(u.path, fmt.Errorf("offset %d", at))
	}
	if err := u.grow(uint64(at) + uint64(len(p))); err != nil {
		return 0, err
	}
	n, err := u.file.WriteAt(p, at)
	return n, told(u.path, err)
}

// grow counts what the file is going to hold, or says why it may not.
func (u *upload) grow(size uint64) error {
	if size <= u.size {
		return nil
	}
	s, more := u.store, size-u.size
	if s.user.Max > 0 && size > s.user.Max {
		return tell(u.path, fmt.Errorf("files of at most %d octets are taken", s.user.Max))
	}
	if size-u.checked >= roomEvery || u.checked == 0 {
		free, err := disk.Free(s.folder)
		if err == nil && (free < s.reserve || free-s.reserve < more) {
			s.log.Warn("sftp: disk full", zap.String("path", u.path), zap.Uint64("free", free))
			return tell(u.path, errFull)
		}
		u.checked = size
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.user.Quota > 0 && (s.octets > s.user.Quota || more > s.user.Quota-s.octets) {
		return tell(u.path, errQuota)
	}
	s.octets += more
	u.size = size
	return nil
}

// truncate sets the size.
func (u *upload) truncate(size uint64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.closed:
		return os.ErrClosed
	case size > math.MaxInt64:
		return tell(u.path, fmt.Errorf("size %d", size))
	}
	if err := u.grow(size); err != nil {
		return err
	}
	if err := u.file.Truncate(int64(size)); err != nil {
		return told(u.path, err)
	}
	u.store.mu.Lock()
	defer u.store.mu.Unlock()
	u.store.octets -= min(u.store.octets, u.size-size)
	u.size = size
	return nil
}

// TransferError is called by the library before Close when the connection was cut.
func (u *upload) TransferError(error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut = true
}

// Close makes the file whole, and brings it to the outbox if it goes there by itself. After
// a cut it stays as it is, for the client to go on with. The client is told of the error.
func (u *upload) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.files.give()
	u.closed = true
	s := u.store
	err := u.file.Sync()
	if e := u.file.Close(); err == nil {
		err = e
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, u.path)
	s.touch(u.path)
	if u.cut || err != nil {
		s.log.Warn("sftp: file not whole", zap.String("path", u.path), zap.Uint64("bytes", u.size), zap.Error(err))
		return told(u.path, err)
	}
	if err := s.root.Rename(part(u.path), u.path); err != nil {
		return told(u.path, err)
	}
	return s.land(u.path)
}

// setTime sets the modification time of a file that is open or has not gone to the outbox.
func (s *store) setTime(p string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.root.Chtimes(p, at, at)
	if errors.Is(err, fs.ErrNotExist) {
		err = s.root.Chtimes(part(p), at, at)
	}
	return err
}

// told is an error of the disk in words a client is told.
func told(p string, err error) error {
	switch {
	case err == nil:
		return nil
	case disk.IsFull(err):
		return tell(p, errFull)
	}
	return err
}

var _ io.WriterAt = (*upload)(nil)
