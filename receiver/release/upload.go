package release

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"pawl/framing"
	"pawl/hw/disk"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/bucket"
)

// A transfer in a bucket has a prefix of its own, so that none can collide with another:
//
//	<prefix><id>/content/<path>    the files
//	<prefix><id>/manifest.json     what they are; put last, and while it is not there nothing is released
const (
	contentKey   = "content/"
	manifestKey  = "manifest.json"
	manifestFile = "manifest.json" // in the transfer's folder, while it is made
)

// manifestHead is the first line of a manifest, manifestEntry each other one: JSON Lines, so that a million files need no memory
// on either side.
type manifestHead struct {
	Format   string `json:"format"` // "pawl-manifest-1"
	Transfer string `json:"transfer"`
	Channel  string `json:"channel"`
	Name     string `json:"name"`
	Plan     string `json:"plan_sha256"`
	Proof    string `json:"proof_sha256"`
	Files    uint64 `json:"files"`
	Bytes    uint64 `json:"bytes"`
}

type manifestEntry struct {
	Path   string    `json:"path"`
	Key    string    `json:"key,omitempty"` // in the bucket; "" for a folder
	Size   uint64    `json:"size"`
	SHA256 string    `json:"sha256,omitempty"`
	Exec   bool      `json:"exec,omitempty"`
	When   time.Time `json:"mtime"`
}

const manifestFormat = "pawl-manifest-1"

// upload is a transfer that is being put into a bucket: the [check.Sink] of the second reading. What it has put is worth nothing before
// the manifest is there.
type upload struct {
	ctx    context.Context
	to     *bucket.Bucket
	prefix string // of the transfer's keys
	file   *os.File
	out    *bufio.Writer
	lines  *json.Encoder
	head   manifestHead
	step   func(string)
	begun  bool // the manifest is on its way, and may be there
}

func bucketPrefix(id quarantine.ID) string { return id.String() + "/" }

// newUpload begins the manifest in the transfer's folder.
func newUpload(ctx context.Context, to *bucket.Bucket, dir string, id quarantine.ID, head manifestHead, step func(string)) (*upload, error) {
	if err := quarantine.RemoveFile(dir, manifestFile); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, manifestFile), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	u := &upload{ctx: ctx, to: to, prefix: bucketPrefix(id), file: file, out: bufio.NewWriterSize(file, 64<<10), head: head, step: step}
	u.lines = json.NewEncoder(u.out)
	return u, nil
}

func (u *upload) close() { u.file.Close() }

// Begin implements check.Sink.
func (u *upload) Begin(framing.PlanHead) error { return u.lines.Encode(u.head) }

// Dir implements check.Sink: a bucket has no folders, the manifest has.
func (u *upload) Dir(e framing.Entry) error {
	return u.lines.Encode(manifestEntry{Path: e.Path, When: time.Unix(0, e.ModTime).UTC()})
}

// File implements check.Sink.
func (u *upload) File(e framing.Entry) (io.WriteCloser, error) {
	r, w := io.Pipe()
	f := &object{upload: u, entry: e, key: u.prefix + contentKey + e.Path, w: w, sum: sha256.New(), done: make(chan error, 1)}
	go func() {
		err := u.to.Put(u.ctx, f.key, r, int64(e.Size), "application/octet-stream")
		r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // a write after a failed put ends too
		f.done <- err
	}()
	return f, nil
}

// object is a file on its way into the bucket.
type object struct {
	*upload
	entry framing.Entry
	key   string
	w     *io.PipeWriter
	sum   hash.Hash
	done  chan error
}

func (o *object) Write(p []byte) (int, error) {
	o.sum.Write(p)
	return o.w.Write(p)
}

// Close waits until the object is there, reads it back, and enters it in the manifest.
func (o *object) Close() error {
	o.w.Close()
	if err := <-o.done; err != nil {
		return err
	}
	o.step("object put")
	want := [sha256.Size]byte(o.sum.Sum(nil))
	size, sum, err := o.to.Digest(o.ctx, o.key)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if uint64(size) != o.entry.Size || sum != want {
		return fmt.Errorf("read back %s: the object is not what was put", o.to.URL(o.key))
	}
	return o.lines.Encode(manifestEntry{Path: o.entry.Path, Key: o.key, Size: o.entry.Size, SHA256: hex.EncodeToString(want[:]), Exec: o.entry.Exec,
		When: time.Unix(0, o.entry.ModTime).UTC()})
}

// seal ends the manifest on disk and gives its digest.
func (u *upload) seal() ([sha256.Size]byte, error) {
	err := u.out.Flush()
	if err == nil {
		err = u.file.Sync()
	}
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("write manifest: %w", err)
	}
	_, sum, err := digestOf(u.file)
	return sum, err
}

// publish puts the manifest, which releases the transfer.
func (u *upload) publish() error {
	size, _, err := digestOf(u.file)
	if err != nil {
		return err
	}
	if _, err := u.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return u.to.Put(u.ctx, u.prefix+manifestKey, u.file, size, "application/jsonl")
}

func digestOf(f *os.File) (int64, [sha256.Size]byte, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, [sha256.Size]byte{}, fmt.Errorf("read manifest: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return 0, [sha256.Size]byte{}, fmt.Errorf("read manifest: %w", err)
	}
	return n, [sha256.Size]byte(h.Sum(nil)), nil
}

// madeManifest is the digest of the manifest that lies in a transfer's folder.
func madeManifest(dir string) ([sha256.Size]byte, error) {
	f, err := disk.OpenRegular(filepath.Join(dir, manifestFile))
	if err != nil {
		return [sha256.Size]byte{}, err
	}
	defer f.Close()
	_, sum, err := digestOf(f)
	return sum, err
}
