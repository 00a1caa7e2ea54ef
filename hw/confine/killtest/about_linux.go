//go:build amd64 || arm64

package killtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// about says whether a call is about something in the folder. The process waits meanwhile, so that its memory and descriptors can be read;
// another of its threads may still change them, which no program under test does on purpose.
func (s *session) about(q *question) (call Call, counts bool, err error) {
	p := process{fmt.Sprintf("/proc/%d/", q.PID)}
	shape, known := shapes[uint32(q.Call)]
	if !known {
		return call, false, fmt.Errorf("asked about call %d, which is none of ours", q.Call)
	}
	call.Name = shape.name
	if q.Call == unix.SYS_OPENAT2 {
		if how, err := p.read(q.Args[2], 8); err != nil || binary.NativeEndian.Uint64(how)&writing == 0 {
			return call, false, gone(err)
		}
	}
	var paths []string
	if shape.fd != none {
		path, err := p.descriptor(q.Args[shape.fd])
		if err != nil {
			return call, false, gone(err)
		}
		paths = []string{path}
	}
	for _, a := range shape.paths {
		path, err := p.path(q, a)
		if err != nil {
			return call, false, gone(err)
		}
		paths = append(paths, path)
	}
	for i, path := range paths {
		rel, err := filepath.Rel(s.Folder, strings.TrimSuffix(path, " (deleted)"))
		if err != nil || !filepath.IsAbs(path) {
			rel = path // a pipe, a socket
		} else if filepath.IsLocal(rel) {
			counts = true
		}
		if i == 0 {
			call.Path = rel
		} else {
			call.To = rel
		}
	}
	return call, counts, nil
}

// gone forgives what was not found: the process has ended, or has given a descriptor or an address that is none, and the kernel will tell it so.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EIO) {
		return nil
	}
	return err
}

// process is who asked, as its folder in /proc.
type process struct{ proc string }

// descriptor is what an argument that is a descriptor stands for.
func (p process) descriptor(arg uint64) (string, error) {
	if fd := int32(arg); fd != unix.AT_FDCWD {
		return os.Readlink(fmt.Sprintf("%sfd/%d", p.proc, fd))
	}
	return os.Readlink(p.proc + "cwd")
}

// path is the absolute path that a call is given. No path at all, or an empty one, means the descriptor.
func (p process) path(q *question, a arg) (string, error) {
	folder := uint64(0xffffffff & unix.AT_FDCWD)
	if a.folder != none {
		folder = q.Args[a.folder]
	}
	name, err := p.text(q.Args[a.path])
	if err != nil || filepath.IsAbs(name) {
		return name, err
	}
	above, err := p.descriptor(folder)
	return filepath.Join(above, name), err
}

// text reads a text that ends with a zero; at no address there is none.
func (p process) text(at uint64) (string, error) {
	if at == 0 {
		return "", nil
	}
	data, err := p.read(at, unix.PathMax)
	if end := bytes.IndexByte(data, 0); end >= 0 {
		return string(data[:end]), nil
	}
	if err == nil {
		err = errors.New("a path without an end")
	}
	return "", err
}

// read reads so many octets of its memory, or as many as there are.
func (p process) read(at uint64, size int) ([]byte, error) {
	mem, err := os.Open(p.proc + "mem")
	if err != nil {
		return nil, err
	}
	defer mem.Close()
	data := make([]byte, size)
	n, err := mem.ReadAt(data, int64(at))
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return data[:n], err
}
