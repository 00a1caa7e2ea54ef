package check

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pawl/framing"
	"pawl/hw/disk"
)

// Try asks the policy about a file or a folder as it would be asked about a transfer of it: in plan order, by the same checks. Every
// file is asked about, also after a "no". An error says that something can't be read, and nothing about the content.
func Try(ctx context.Context, p *Policy, path string) ([]Finding, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	t := &trial{in: inspect(ctx, p), above: filepath.Dir(path)}
	t.in.all = true
	defer t.in.close()
	err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		return t.entry(at, d)
	})
	if err == nil {
		err = t.in.end()
	}
	if err != nil {
		return nil, fmt.Errorf("try %s: %w", path, err)
	}
	return append(t.bad, t.in.findings()...), nil
}

type trial struct {
	in    *inspection
	above string
	bad   []Finding // names that can't be sent at all
}

// entry asks about one file or folder.
func (t *trial) entry(at string, d fs.DirEntry) error {
	name, err := filepath.Rel(t.above, at)
	if err != nil {
		return err
	}
	e := framing.Entry{Path: filepath.ToSlash(name), Dir: d.IsDir(), ModTime: time.Now().UnixNano()}
	err = framing.CheckPath(e.Path)
	if err == nil && !e.Dir && !d.Type().IsRegular() {
		err = errors.New("is neither file nor folder")
	}
	if err != nil {
		t.bad = append(t.bad, Finding{Check: Names, Files: 1, Path: e.Path, Reason: err.Error()})
		return nil
	}
	if e.Dir {
		t.in.entry(&e)
		return t.in.endEntry(e.Path, [sha256.Size]byte{})
	}
	f, err := disk.OpenRegular(at)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.file(f, &e)
}

func (t *trial) file(f *os.File, e *framing.Entry) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	e.Size = uint64(info.Size())
	t.in.entry(e)
	sum, buffer := sha256.New(), make([]byte, chunk)
	content := io.LimitReader(f, info.Size()) // what is appended meanwhile is not part of it
	for {
		n, err := content.Read(buffer)
		sum.Write(buffer[:n])
		t.in.content(buffer[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	return t.in.endEntry(e.Path, [sha256.Size]byte(sum.Sum(nil)))
}
