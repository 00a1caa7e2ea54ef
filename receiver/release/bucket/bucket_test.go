package bucket_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"pawl/receiver/release/bucket"
	"pawl/receiver/release/bucket/buckettest"
)

func open(t *testing.T, c bucket.Config) *bucket.Bucket {
	t.Helper()
	b, err := bucket.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPutOnce(t *testing.T) {
	s := buckettest.Start(t)
	s.Config.Prefix = "from/low/"
	b := open(t, s.Config)
	ctx := t.Context()
	// One in a single request, one in parts (a part is 16 MiB).
	for name, size := range map[string]int{"empty": 0, "small ü <&>.txt": 1000, "large": 40 << 20} {
		data := bytes.Repeat([]byte{7, 1}, size/2)
		if err := b.Put(ctx, name, bytes.NewReader(data), int64(size), "text/plain"); err != nil {
			t.Fatal(err)
		}
		n, sum, err := b.Digest(ctx, name)
		if err != nil || n != int64(size) || sum != sha256.Sum256(data) {
			t.Errorf("%s: %d octets, %x, %v", name, n, sum, err)
		}
		other := bytes.Repeat([]byte{8}, size)
		if err := b.Put(ctx, name, bytes.NewReader(other), int64(size), "text/plain"); !errors.Is(err, bucket.ErrThere) {
			t.Errorf("%s once more: %v", name, err)
		}
		if _, sum, err := b.Digest(ctx, name); err != nil || sum != sha256.Sum256(data) {
			t.Errorf("%s was put over: %v", name, err)
		}
	}
	if _, _, err := b.Digest(ctx, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	// Less than was promised is an error and no object.
	if err := b.Put(ctx, "short", strings.NewReader("x"), 20<<20, "text/plain"); err == nil {
		t.Error("a short object was put")
	}
	if _, _, err := b.Digest(ctx, "short"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("short: %v", err)
	}
	if got := b.URL("x"); got != "s3://pawl/from/low/x" {
		t.Errorf("url %q", got)
	}
}

func TestClear(t *testing.T) {
	s := buckettest.Start(t)
	b := open(t, s.Config)
	for _, key := range []string{"a/1", "a/b/2", "ab", "b"} {
		if err := b.Put(t.Context(), key, strings.NewReader("x"), 1, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := b.Clear(t.Context(), "a/"); err != nil {
			t.Fatal(err)
		}
	}
	for key, there := range map[string]bool{"a/1": false, "a/b/2": false, "ab": true, "b": true} {
		if _, _, err := b.Digest(t.Context(), key); (err == nil) != there {
			t.Errorf("%s: %v, want there %t", key, err, there)
		}
	}
}

func TestWrongStore(t *testing.T) {
	s := buckettest.Start(t)
	for name, change := range map[string]func(c *bucket.Config){
		"secret":    func(c *bucket.Config) { c.Secret = "wrong" },
		"bucket":    func(c *bucket.Config) { c.Bucket = "none" },
		"authority": func(c *bucket.Config) { c.Roots = x509.NewCertPool() },
	} {
		c := s.Config
		change(&c)
		if err := open(t, c).Put(t.Context(), "x", strings.NewReader("x"), 1, "text/plain"); err == nil {
			t.Errorf("another %s: put all the same", name)
		}
	}
	if left, err := os.ReadDir(s.Folder); err != nil || len(left) > 1 {
		t.Errorf("left %v, %v", left, err)
	}
}
