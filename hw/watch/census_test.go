package watch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestCensus walks a file through its life, count by count.
func TestCensus(t *testing.T) {
	at := time.Unix(1e9, 0)
	file := func(size int64, s int) sign { return sign{size: size, modTime: at.Add(time.Duration(s) * time.Second)} }
	c := census{"old": sign{size: 1, modTime: at, quiet: true}}
	for i, step := range []struct {
		count map[string]sign
		want  []Event
	}{
		{map[string]sign{"old": file(1, 0)}, nil},
		{map[string]sign{"old": file(1, 0), "b": file(0, 1), "a": {dir: true}}, []Event{{Created, "a", true}, {Created, "b", false}}},
		{map[string]sign{"old": file(1, 0), "b": file(9, 1), "a": {dir: true}}, nil},
		{map[string]sign{"old": file(2, 5), "b": file(9, 2), "a": {dir: true}}, nil},
		{map[string]sign{"old": file(2, 5), "b": file(9, 2), "a": {dir: true}}, []Event{{Closed, "b", false}, {Closed, "old", false}}},
		{map[string]sign{"old": file(2, 5), "b": file(9, 2), "a": {dir: true}}, nil},
		{map[string]sign{"a": file(0, 0)}, []Event{{Created, "a", false}}},
		{map[string]sign{}, nil},
		{map[string]sign{"a": file(0, 0)}, []Event{{Created, "a", false}}},
		{map[string]sign{"a": file(0, 0)}, []Event{{Closed, "a", false}}},
	} {
		if got := c.compare(step.count); !slices.Equal(got, step.want) {
			t.Fatalf("count %d: %v, want %v", i, got, step.want)
		}
	}
}

// TestPoller runs the portable watch over a real folder on synctest's clock.
func TestPoller(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "before"), "x")
	synctest.Test(t, func(t *testing.T) {
		p, err := openPoller(dir, pollEach)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "new"), "x")
		start := time.Now()
		for _, want := range []Event{{Created, "new", false}, {Closed, "new", false}} {
			if e, err := p.next(); e != want || err != nil {
				t.Fatalf("%v, %v, want %v", e, err, want)
			}
		}
		if d := time.Since(start); d != 2*pollEach {
			t.Errorf("took %v", d)
		}
		go func() {
			time.Sleep(10*pollEach + pollEach/2)
			p.close()
		}()
		if _, err := p.next(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after close: %v", err)
		}
		if err := p.close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		p, err := openPoller(dir, pollEach)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := p.next(); !errors.Is(err, ErrGone) {
			t.Errorf("without a folder: %v", err)
		}
		if _, err := openPoller(dir, pollEach); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("opened nothing: %v", err)
		}
	})
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
