package inside

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// ArchiveLimits bound what an archive may hold, together at all depths.
type ArchiveLimits struct {
	Entries uint64   `json:"entries"` // files, folders and links
	Depth   int      `json:"depth"`   // archives in archives; a .tar.gz is two
	Ratio   uint64   `json:"ratio"`   // octets unpacked for each octet of the file; the first mebibyte is free
	Total   uint64   `json:"total"`   // octets unpacked; what each layer unpacks to counts
	Links   bool     `json:"links,omitempty"`
	Opaque  []string `json:"opaque,omitempty"` // kinds that can't be looked into and are accepted all the same
}

// freeRatio is what may be unpacked whatever the ratio: short texts of one letter compress a thousandfold.
const freeRatio = 1 << 20

// maxLinks bounds the memory for links: see walker.links.
const maxLinks = 10_000

type archiveEngine struct {
	limits  ArchiveLimits
	readers readers
}

func newArchiveEngine(l ArchiveLimits) (engine, error) {
	if l.Entries == 0 || l.Depth == 0 || l.Ratio == 0 || l.Total == 0 {
		return nil, errLimits
	}
	return &archiveEngine{limits: l}, nil
}

func (*archiveEngine) version() string { return "pawl archive walker 2" }

// file walks an archive to its last octet; what is none is fine.
func (e *archiveEngine) file(_ string, content io.Reader) ([]string, error) {
	in := &counter{r: content}
	w := &walker{limits: e.limits, in: in, readers: &e.readers}
	return nil, w.walk(in, "", 0)
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n uint64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += uint64(n)
	return n, err
}

// walker is one reading of one file.
type walker struct {
	limits  ArchiveLimits
	in      *counter // the file itself
	entries uint64
	total   uint64 // octets that came out of some layer
	readers *readers
}

// readers are buffers by depth, of which one is in use at each: a transfer may have a million files, and an archive as many members.
type readers []*bufio.Reader

func (r *readers) at(depth int, content io.Reader) *bufio.Reader {
	for depth >= len(*r) {
		*r = append(*r, bufio.NewReaderSize(nil, 64<<10))
	}
	(*r)[depth].Reset(content)
	return (*r)[depth]
}

// unpacked is what comes out of a layer; it ends with an error as soon as it is too much.
type unpacked struct {
	r io.Reader
	w *walker
}

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	u.w.total += uint64(n)
	switch {
	case u.w.total > u.w.limits.Total:
		return n, limitError(fmt.Sprintf("unpacks to more than %d bytes", u.w.limits.Total))
	case u.w.total > freeRatio && (u.w.total-freeRatio)/u.w.limits.Ratio > u.w.in.n:
		return n, limitError(fmt.Sprintf("unpacks to more than %d times its size", u.w.limits.Ratio))
	}
	return n, err
}

// limitError is a limit that was passed, as against content that can't be read.
type limitError string

func (e limitError) Error() string { return string(e) }

// walk looks at content that was found at the path inside the file ("" is the file itself). It reads all of it.
func (w *walker) walk(content io.Reader, at string, depth int) error {
	in := w.readers.at(depth, content)
	head, err := in.Peek(sniffed)
	if err != nil && err != io.EOF {
		return err
	}
	kind := sniff(head)
	if kind == "" {
		_, err := io.Copy(io.Discard, in)
		return err
	}
	open := layer(kind)
	switch {
	case open == nil && slices.Contains(w.limits.Opaque, kind):
		_, err := io.Copy(io.Discard, in)
		return err
	case open == nil:
		return inside(at, fmt.Errorf("is an archive of kind %s, which can't be looked into", kind))
	case depth == w.limits.Depth:
		return inside(at, fmt.Errorf("archives are nested more than %d deep", w.limits.Depth))
	}
	if err := open(w, in, at, depth+1); err != nil {
		if _, named := errors.AsType[*memberError](err); named {
			return err
		}
		return inside(at, describe(kind, err))
	}
	n, err := io.Copy(io.Discard, in)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d bytes follow the end of the %s archive", n, kind)
	}
	if err != nil {
		return inside(at, err)
	}
	return nil
}

// describe says that content can't be read as what it begins as; limits speak for themselves.
func describe(kind string, err error) error {
	if _, limit := errors.AsType[limitError](err); limit {
		return err
	}
	return fmt.Errorf("is not a sound %s archive: %w", kind, err)
}

// memberError names the place inside the file.
type memberError struct {
	at  string
	err error
}

func (e *memberError) Error() string { return e.at + ": " + e.err.Error() }
func (e *memberError) Unwrap() error { return e.err }

func inside(at string, err error) error {
	if at == "" {
		return err
	}
	return &memberError{at, err}
}

// maxShown bounds the path inside that a reason shows.
const maxShown = 300

// member counts an entry of an archive, asks whether its path may be used by whoever unpacks it, and gives the place's name.
func (w *walker) member(at, name string) (string, error) {
	if w.entries++; w.entries > w.limits.Entries {
		return "", limitError(fmt.Sprintf("holds more than %d entries", w.limits.Entries))
	}
	shown := strings.ToValidUTF8(name, "\uFFFD")
	if len(shown) > maxShown {
		shown = strings.ToValidUTF8(shown[:maxShown], "") + "…"
	}
	if at != "" {
		shown = at + "!" + shown
	}
	if len(shown) > maxReason/2 {
		shown = "…" + strings.ToValidUTF8(shown[len(shown)-maxReason/2:], "")
	}
	if err := checkInside(name); err != nil {
		return shown, &memberError{shown, err}
	}
	return shown, nil
}

// checkInside refuses names that lead somewhere else than below the folder that an archive is unpacked in, on any system.
func checkInside(name string) error {
	slashed := strings.ReplaceAll(name, `\`, "/")
	switch {
	case name == "" || len(name) > 4096:
		return fmt.Errorf("a name of %d bytes", len(name))
	case strings.ContainsRune(name, 0):
		return errors.New("NUL in the name")
	case !utf8.ValidString(name) && strings.ContainsAny(name, "\r\n"):
		return errors.New("line break in the name")
	case strings.HasPrefix(slashed, "/"):
		return errors.New("absolute path")
	case len(slashed) > 1 && slashed[1] == ':' && (slashed[0]|0x20) >= 'a' && (slashed[0]|0x20) <= 'z':
		return errors.New("path with a drive letter")
	}
	if slices.Contains(strings.Split(slashed, "/"), "..") {
		return errors.New("path leads out of the archive")
	}
	return nil
}

// checkLink refuses links that point anywhere but into the archive. A hard link's target is a path from the archive's root.
func checkLink(name, target string, hard bool) error {
	if hard {
		return checkInside(target)
	}
	if target == "" || strings.ContainsRune(target, 0) || strings.HasPrefix(target, "/") || strings.Contains(target, `\`) {
		return errors.New("link leads out of the archive")
	}
	// The folder that the link lies in is what it is called, because nothing goes through a link. What comes after names of the target may not be: a
	// name may be a link, and ".." from there is anywhere.
	if end := path.Join(path.Dir(path.Clean(name)), target); end == ".." || strings.HasPrefix(end, "../") {
		return errors.New("link leads out of the archive")
	}
	names := false
	for part := range strings.SplitSeq(target, "/") {
		if part == ".." && names {
			return errors.New("link leads down and up again")
		}
		names = names || part != ".." && part != "." && part != ""
	}
	return nil
}
