package release

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/bucket"
	"pawl/receiver/release/bucket/buckettest"
)

// toBucket makes the house release to a real store.
func (h *house) toBucket(t *testing.T, s *buckettest.Server) *bucket.Bucket {
	t.Helper()
	b, err := bucket.New(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	h.change(func(c *Channel) { c.Inbox, c.Bucket = "", b })
	return b
}

// delivered reads what the store keeps on its disk and compares it with what was sent, as a consumer does: the manifest first.
func delivered(t *testing.T, s *buckettest.Server, want []checktest.Entry) {
	t.Helper()
	dir := filepath.Join(s.Folder, s.Config.Prefix, id.String())
	file, err := os.Open(filepath.Join(dir, manifestKey))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	var head manifestHead
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &head) != nil || head.Format != manifestFormat || head.Name != want[0].Path || head.Transfer != id.String() {
		t.Errorf("head %q", lines.Text())
	}
	expect := map[string]checktest.Entry{}
	for _, e := range want {
		expect[e.Path] = e
	}
	for lines.Scan() {
		var m manifestEntry
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		e, known := expect[m.Path]
		delete(expect, m.Path)
		if !known || e.Exec != m.Exec || !m.When.Equal(time.Unix(0, e.ModTime)) || e.Dir != (m.Key == "") {
			t.Errorf("entry %+v, want %+v", m, e)
		}
		if e.Dir {
			continue
		}
		data, err := os.ReadFile(filepath.Join(s.Folder, s.Config.Prefix, m.Key))
		if err != nil || !bytes.Equal(data, e.Data) || m.SHA256 != digest(e.Data) || m.Size != uint64(len(e.Data)) {
			t.Errorf("%s: %v, %+v", m.Path, err, m)
		}
	}
	if len(expect) != 0 {
		t.Errorf("not in the manifest: %v", expect)
	}
}

// stored lists the files of the store.
func stored(t *testing.T, s *buckettest.Server) (all []string) {
	t.Helper()
	err := filepath.WalkDir(s.Folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(s.Folder, path)
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReleaseToBucket(t *testing.T) {
	s := buckettest.Start(t)
	s.Config.Prefix = "from low/"
	h := build(t, false)
	h.toBucket(t, s)
	store, key, _ := h.audit(t)
	tree := append(checktest.Tree(), checktest.Entry{Path: "tree/zz large", Data: bytes.Repeat([]byte("0123456789abcdef"), 40<<20/16), ModTime: 1e18})
	h.put(t, id, checktest.Build(t, id, h.key, tree))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	if names := stored(t, s); len(names) != 0 {
		t.Errorf("before the approval the store has %q", names)
	}
	h.approve(t, id, "alice")
	h.run(t, id, quarantine.Held, quarantine.Released)
	delivered(t, s, tree)
	if reason := h.reason(t, id); reason != "in s3://pawl/from low/"+id.String()+"/" {
		t.Errorf("reason %q", reason)
	}
	if got := strings.Join(told(t, store, key), " "); got != "complete checking verdict held approval checking verdict release released removal" {
		t.Errorf("entries %s", got)
	}
	if err := h.gate.Sweep(h.gate.channels[id.Channel]); err != nil {
		t.Error(err)
	}
}

// TestBucketKilledAfterAnyStep stops a delivery after each of its steps. Afterwards it is released once, or not at all, and whole.
func TestBucketKilledAfterAnyStep(t *testing.T) {
	s := buckettest.Start(t)
	tree := []checktest.Entry{{Path: "tree", Dir: true, ModTime: 1}, {Path: "tree/a", Data: []byte("one"), ModTime: 2}, {Path: "tree/b", Data: []byte("two"), ModTime: 3}}
	for n := 1; ; n++ {
		if n > 60 {
			t.Fatal("no end of steps")
		}
		h := build(t, true)
		b := h.toBucket(t, s)
		h.put(t, id, checktest.Build(t, id, h.key, tree))
		if err := b.Clear(t.Context(), bucketPrefix(id)); err != nil {
			t.Fatal(err)
		}
		if stoppedAfter(t, h, n) {
			t.Logf("%d steps", n-1)
			return
		}
		_, _, err := b.Digest(t.Context(), bucketPrefix(id)+manifestKey)
		st, found := h.store.Find(id)
		if found != nil || st == quarantine.Released && err != nil {
			t.Fatalf("step %d: %s, %v; manifest: %v", n, st, found, err)
		}
		stoppedAfter(t, h, 3)
		stoppedAfter(t, h, 0)
		h.is(t, id, quarantine.Released)
		delivered(t, s, tree)
		if left := stored(t, s); len(left) != 3 {
			t.Fatalf("step %d: the store has %q", n, left)
		}
	}
}

// stoppedAfter runs the gate until its n-th step, and says whether it came to its end before.
func stoppedAfter(t *testing.T, h *house, n int) (whole bool) {
	t.Helper()
	defer func() {
		if stop := recover(); stop != nil && stop != errStop {
			panic(stop)
		}
	}()
	h.gate.step = func(string) {
		if n--; n == 0 {
			panic(errStop)
		}
	}
	st, err := h.store.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	if st == quarantine.Released {
		return true
	}
	if _, err := h.gate.Run(t.Context(), id, st); err != nil {
		t.Fatal(err)
	}
	return true
}

var errStop = errors.New("stopped here")

func TestBucketFaults(t *testing.T) {
	s := buckettest.Start(t)
	t.Run("damaged between check and upload", func(t *testing.T) {
		h := build(t, true)
		h.toBucket(t, s)
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		h.gate.step = func(step string) {
			if step == "intent written" {
				content := filepath.Join(h.store.Dir(quarantine.Checking, id), quarantine.ContentFile)
				data, err := os.ReadFile(content)
				if err != nil {
					t.Error(err)
				}
				data[len(data)-1] ^= 1
				if err := os.WriteFile(content, data, 0o600); err != nil {
					t.Error(err)
				}
			}
		}
		h.run(t, id, quarantine.Complete, quarantine.Held)
		if reason := h.reason(t, id); !strings.Contains(reason, "digest mismatch") {
			t.Errorf("reason %q", reason)
		}
		if left := stored(t, s); len(left) != 0 {
			t.Errorf("the store has %q", left)
		}
	})
	t.Run("changed in the store", func(t *testing.T) {
		h := build(t, true)
		h.toBucket(t, s)
		h.put(t, id, checktest.Build(t, id, h.key, []checktest.Entry{{Path: "f", Data: []byte("right")}}))
		h.gate.step = func(step string) {
			if step == "object put" {
				if err := os.WriteFile(filepath.Join(s.Folder, id.String(), "content", "f"), []byte("wrong"), 0o600); err != nil {
					t.Error(err)
				}
			}
		}
		if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); st != quarantine.Checking || err == nil || !strings.Contains(err.Error(), "read back") {
			t.Errorf("%s, %v", st, err)
		}
		h.gate.step = func(string) {}
		h.run(t, id, quarantine.Checking, quarantine.Released)
	})
	t.Run("somebody else's manifest", func(t *testing.T) {
		h := build(t, true)
		b := h.toBucket(t, s)
		if err := b.Clear(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		h.gate.step = func(step string) {
			if step == "manifest written" {
				if err := b.Put(t.Context(), bucketPrefix(id)+manifestKey, strings.NewReader("x"), 1, "text/plain"); err != nil {
					t.Error(err)
				}
			}
		}
		if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); st != quarantine.Checking || !errors.Is(err, bucket.ErrThere) {
			t.Errorf("%s, %v", st, err)
		}
		h.run(t, id, quarantine.Checking, quarantine.Held)
		if reason := h.reason(t, id); !strings.Contains(reason, "another manifest") {
			t.Errorf("reason %q", reason)
		}
	})
}

// TestBucketAway: a store that does not answer stops releasing, is told of, and goes on by itself.
func TestBucketAway(t *testing.T) {
	s := buckettest.Start(t)
	h := build(t, true)
	right := s.Config
	s.Config.Secret = "wrong"
	h.toBucket(t, s)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); st != quarantine.Checking || err == nil {
		t.Fatalf("%s, %v", st, err)
	}
	s.Config = right
	h.toBucket(t, s)
	h.run(t, id, quarantine.Checking, quarantine.Released)
	delivered(t, s, checktest.Tree())
}
