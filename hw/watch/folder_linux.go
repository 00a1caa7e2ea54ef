package watch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// mask is what is asked for. Names that leave the folder are nobody's business here.
const mask = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// bufferSize holds some 1000 events of short names, and any one event: 16 octets and a name
// of up to 255 with its NUL (inotify(7)).
const bufferSize = 32 << 10

// Folder is a folder under watch. Next is for one goroutine; Close may be called from any.
type Folder struct {
	dir    string
	file   *os.File // the inotify descriptor, in the poller, so that Close wakes a read
	buffer []byte
	ready  []Event // read and not yet returned
	gone   bool
}

// Open begins to watch a folder: what happens from its return on has an event.
func Open(dir string) (*Folder, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch %q: %w", dir, os.NewSyscallError("inotify_init1", err))
	}
	file := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, dir, mask); err != nil {
		file.Close()
		if errors.Is(err, unix.ENOSPC) {
			return nil, fmt.Errorf("watch %q: no watches left, raise fs.inotify.max_user_watches: %w", dir, err)
		}
		return nil, fmt.Errorf("watch %q: %w", dir, &fs.PathError{Op: "inotify_add_watch", Path: dir, Err: err})
	}
	return &Folder{dir: dir, file: file, buffer: make([]byte, bufferSize)}, nil
}

// Next waits for the next event. Errors: [ErrGone], and os.ErrClosed after Close.
func (f *Folder) Next() (Event, error) {
	for len(f.ready) == 0 {
		if f.gone {
			return Event{}, fmt.Errorf("watch %q: %w", f.dir, ErrGone)
		}
		n, err := f.file.Read(f.buffer)
		if err != nil {
			return Event{}, fmt.Errorf("watch %q: %w", f.dir, err)
		}
		if f.ready, f.gone, err = parse(f.ready[:0], f.buffer[:n]); err != nil {
			return Event{}, fmt.Errorf("watch %q: %w", f.dir, err)
		}
	}
	e := f.ready[0]
	f.ready = f.ready[1:]
	return e, nil
}

// Close ends the watch; a Next that waits returns os.ErrClosed.
func (f *Folder) Close() error { return f.file.Close() }

// parse appends the events of one read: each is wd int32, mask, cookie and length uint32, in
// the machine's order, and length octets of name filled up with NUL (inotify(7)). gone says
// that the folder itself went.
func parse(events []Event, b []byte) (_ []Event, gone bool, err error) {
	const head = unix.SizeofInotifyEvent
	for len(b) > 0 {
		if len(b) < head {
			return events, gone, fmt.Errorf("inotify event of %d octets", len(b))
		}
		bits := binary.NativeEndian.Uint32(b[4:])
		length := binary.NativeEndian.Uint32(b[12:])
		if uint64(length) > uint64(len(b)-head) {
			return events, gone, fmt.Errorf("inotify name of %d octets in %d", length, len(b)-head)
		}
		name, _, _ := bytes.Cut(b[head:head+int(length)], []byte{0})
		b = b[head+int(length):]
		switch e := (Event{Name: string(name), Dir: bits&unix.IN_ISDIR != 0}); {
		case bits&unix.IN_Q_OVERFLOW != 0:
			events = append(events, Event{Kind: Rescan})
		case bits&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT|unix.IN_IGNORED) != 0:
			gone = true
		case len(name) == 0:
		case bits&unix.IN_MOVED_TO != 0:
			e.Kind = Moved
			events = append(events, e)
		case bits&unix.IN_CLOSE_WRITE != 0:
			e.Kind = Closed
			events = append(events, e)
		case bits&unix.IN_CREATE != 0:
			e.Kind = Created
			events = append(events, e)
		}
	}
	return events, gone, nil
}
