package console

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"pawl/framing"
	"pawl/receiver/check"
)

// Bounds of what is handed out as a file.
const (
	evidenceTime  = 5 * time.Minute
	maxEvidence   = 64 << 20 // octets; larger ones are made by pawl-release evidence
	evidenceMade  = 2        // side by side: a pack is put together in memory, and the whole log is read for it
	evidenceWaits = 8        // that wait for their turn
	filesEach     = 1000     // lines of a list that are written before its reader is given more time
	filesTime     = 30 * time.Second
)

var errBusy = errors.New("too much evidence is being made: try again in a minute")

// turns lets few do something side by side, and some wait.
type turns struct{ at, all chan struct{} }

func newTurns(at, waits int) turns {
	return turns{make(chan struct{}, at), make(chan struct{}, at+waits)}
}

// take waits for a turn, which ends with free. The error is errBusy when too many wait.
func (t turns) take(q *request) (free func(), err error) {
	select {
	case t.all <- struct{}{}:
	default:
		return nil, errBusy
	}
	select {
	case t.at <- struct{}{}:
		return func() { <-t.at; <-t.all }, nil
	case <-q.Context().Done():
		<-t.all
		return nil, q.Context().Err()
	}
}

// bounded is a file with an end.
type bounded struct {
	*os.File
	room int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.room -= int64(len(p)); b.room < 0 {
		return 0, errors.New("evidence is too large for the console: use pawl-release evidence")
	}
	return b.File.Write(p)
}

// evidence gives the transfer's evidence. It is made whole first, in a file without a name: a pack that fails half-way must not look like one.
func (c *Console) evidence(q *request) (any, error) {
	id, err := c.findFor(q, anyone)
	if err != nil {
		return nil, err
	}
	if c.Evidence == nil {
		return nil, badRequest{errors.New("there is no audit log to prove anything from")}
	}
	out := http.NewResponseController(q.w)
	if err := out.SetWriteDeadline(time.Now().Add(evidenceTime)); err != nil { // for the turn, too
		return nil, err
	}
	free, err := c.packs.take(q)
	if err != nil {
		return nil, err
	}
	file, err := nameless()
	if err != nil {
		free()
		return nil, err
	}
	defer file.Close()
	err = c.Evidence(&bounded{file, maxEvidence}, id)
	free()
	if err != nil {
		return nil, badRequest{err}
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = out.SetWriteDeadline(time.Now().Add(evidenceTime))
	}
	if err != nil {
		return nil, err
	}
	q.taken = true
	q.w.Header().Set("Content-Type", "application/zip")
	q.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=\"evidence-%s.zip\"", id))
	q.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.Copy(q.w, file) // the one who asked has gone
	return nil, nil
}

// nameless makes a temporary file that is gone when it is closed.
func nameless() (*os.File, error) {
	file, err := os.CreateTemp("", "pawl-evidence-")
	if err != nil {
		return nil, fmt.Errorf("file for evidence: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// fileList gives all files of a transfer, a line each, as they are read. When the last line has gone out all of them were shown.
func (c *Console) fileList(q *request) (any, error) {
	id, st, err := c.find(q)
	if err != nil {
		return nil, err
	}
	d, err := c.details(id, st)
	if err != nil {
		return nil, err
	}
	dir := c.Store.Dir(st, id)
	if err := d.readFiles(dir, 1); err != nil {
		return nil, err
	}
	q.taken = true
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	out, text := http.NewResponseController(q.w), bufio.NewWriter(q.w)
	fmt.Fprintf(text, "# the low side's words about %s, escaped: size in bytes, modified, kind, path\n", id)
	lines := uint64(0)
	for e, err := range check.Entries(dir) {
		if err != nil {
			fmt.Fprintf(text, "# the plan can't be read further\n")
			return nil, text.Flush()
		}
		if lines%filesEach == 0 && out.SetWriteDeadline(time.Now().Add(filesTime)) != nil {
			return nil, nil
		}
		kind := "file"
		switch {
		case e.Dir:
			kind = "folder"
		case e.Exec:
			kind = "program"
		}
		fmt.Fprintf(text, "%d\t%s\t%s\t%s\n", e.Size, time.Unix(0, e.ModTime).UTC().Format(time.RFC3339), kind, framing.Printable(e.Path, len(e.Path)))
		lines++
	}
	fmt.Fprintf(text, "# %d entries, no more\n", lines)
	if text.Flush() == nil && out.Flush() == nil && !q.s.looks {
		q.s.show(d, allFiles)
	}
	return nil, nil
}
