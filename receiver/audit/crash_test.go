package audit_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/hw/disk"
	"pawl/receiver/audit"
)

const origin = "example.org/pawl/test"

// clock is a clock that stands.
func clock() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func transfer(i int) string { return fmt.Sprintf("1-%016x", i+1) }

// move is the i-th entry of a test's log.
func move(i int) *audit.State {
	return &audit.State{Transfer: transfer(i), From: "complete", To: "checking"}
}

func openFolder(t testing.TB, path string) *disk.Folder {
	t.Helper()
	folder, err := disk.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { folder.Close() })
	return folder
}

// entries verifies the log and gives what it tells of, in order.
func entries(t testing.TB, path string, key *merkle.Key, kept ...merkle.Checkpoint) []string {
	t.Helper()
	var found []string
	_, err := audit.Verify(os.DirFS(path), key.Public(), kept, func(_ int64, e *audit.Entry) error {
		found = append(found, e.Body().About())
		return nil
	})
	if errors.Is(err, merkle.ErrEmpty) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// errCrash is what every system call says once the program is dead.
var errCrash = errors.New("crashed here")

// TestCrashAtEverySystemCall: the program dies before its n-th system call that changes the disk, for every n, while it
// adds entries over the edge of a tile. Whatever was acknowledged is there afterwards, in order and once; what was not may be there;
// every checkpoint that anybody could read is of the log's past; and the log goes on.
func TestCrashAtEverySystemCall(t *testing.T) {
	const start, more = 253, 5
	key := merkletest.Key(t, origin)
	model := filepath.Join(t.TempDir(), "model")
	if err := os.Mkdir(model, 0o700); err != nil {
		t.Fatal(err)
	}
	fill(t, model, key, start)
	for n := 1; ; n++ {
		if n > 500 {
			t.Fatal("no end of system calls")
		}
		if testing.Short() && n%7 != 1 {
			continue
		}
		path := filepath.Join(t.TempDir(), "log")
		if err := os.CopyFS(path, os.DirFS(model)); err != nil {
			t.Fatal(err)
		}
		if done := crashOnce(t, path, key, n, start, more); done {
			t.Logf("%d system calls", n-1)
			return
		}
	}
}

// fill makes a log of so many entries with few syncs.
func fill(t testing.TB, path string, key *merkle.Key, size int) {
	t.Helper()
	w, _, err := merkle.NewWriter(openFolder(t, path), key)
	if err != nil {
		t.Fatal(err)
	}
	var batch [][]byte
	for i := range size {
		batch = append(batch, encode(t, &audit.Entry{When: clock(), By: "test", State: move(i)}))
	}
	if _, err := w.Append(batch...); err != nil {
		t.Fatal(err)
	}
}

func encode(t testing.TB, e *audit.Entry) []byte {
	t.Helper()
	data, err := audit.AppendEntry(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// crashOnce says whether the program came to its end.
func crashOnce(t *testing.T, path string, key *merkle.Key, n, start, more int) bool {
	folder := openFolder(t, path)
	var seen []merkle.Checkpoint // what a reader could have read at any moment
	folder.Before = func(string) error {
		at, err := merkle.ReadCheckpoint(folder.FS(), key.Public())
		if err != nil {
			t.Fatalf("step %d: a reader sees no checkpoint: %v", n, err)
		}
		if len(seen) == 0 || seen[len(seen)-1].Size != at.Size {
			seen = append(seen, at)
		}
		if n--; n <= 0 {
			return errCrash
		}
		return nil
	}
	log, _, err := audit.Open(folder, key, clock)
	if err != nil {
		t.Fatal(err) // opening a sound log changes nothing
	}
	acknowledged := start
	for i := range more {
		receipt, err := log.Append("test", move(start+i))
		if err != nil {
			break
		}
		if receipt.Index() != int64(start+i) {
			t.Fatalf("entry %d has index %d", start+i, receipt.Index())
		}
		acknowledged++
	}
	done := n > 0
	if at, err := merkle.ReadCheckpoint(os.DirFS(path), key.Public()); err != nil {
		t.Fatal(err)
	} else {
		seen = append(seen, at)
	}
	// The next program.
	next, begun, err := audit.Open(openFolder(t, path), key, clock)
	if err != nil || begun {
		t.Fatalf("after a crash with %d entries: %v", acknowledged, err)
	}
	if _, err := next.Append("test", &audit.Stop{Program: "test"}); err != nil {
		t.Fatal(err)
	}
	found := entries(t, path, key, seen...)
	if len(found)-1 < acknowledged || len(found)-1 > acknowledged+1 {
		t.Fatalf("%d entries were acknowledged, %d are there", acknowledged, len(found)-1)
	}
	for i, about := range found[:len(found)-1] {
		if about != transfer(i) {
			t.Fatalf("entry %d is about %s", i, about)
		}
	}
	return done
}

// TestFullDisk: each system call fails once, as on a full disk; the same program goes on by itself when there is room again.
func TestFullDisk(t *testing.T) {
	key := merkletest.Key(t, origin)
	errFull := errors.New("no space left on device")
	for n := 1; n < 400; n += 1 + n/10 {
		path := t.TempDir()
		folder := openFolder(t, path)
		log, begun, err := audit.Open(folder, key, clock)
		if err != nil || !begun {
			t.Fatal(err)
		}
		left := n
		folder.Before = func(string) error {
			if left--; left == 0 {
				return errFull
			}
			return nil
		}
		failed := 0
		for i := range 8 {
			_, err := log.Append("test", move(i))
			for ; err != nil; _, err = log.Append("test", move(i)) {
				if failed++; failed > 1 || !errors.Is(err, errFull) {
					t.Fatalf("step %d: %v", n, err)
				}
			}
		}
		found := entries(t, path, key, log.Checkpoint())
		if len(found) < 8 || len(found) > 8+failed {
			t.Fatalf("step %d: %d entries", n, len(found))
		}
	}
}

// TestTwoWriters: two programs, each with several hands, enter in one log; nothing is lost, and there is one history.
func TestTwoWriters(t *testing.T) {
	key := merkletest.Key(t, origin)
	path := t.TempDir()
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := map[int64]bool{}
	for program := range 2 {
		log, _, err := audit.Open(openFolder(t, path), key, clock)
		if err != nil {
			t.Fatal(err)
		}
		for hand := range 3 {
			wg.Go(func() {
				for i := range 10 {
					r, err := log.Append("test", move(100*program+10*hand+i))
					mu.Lock()
					if err != nil || taken[r.Index()] {
						t.Errorf("%v, index %d", err, r.Index())
					}
					taken[r.Index()] = true
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	if found := entries(t, path, key); len(found) != 60 || len(taken) != 60 {
		t.Errorf("%d entries, %d receipts", len(found), len(taken))
	}
}

// TestUnwritableLog: no folder, another's log, a damaged one: in each case Append says what it is.
func TestUnwritableLog(t *testing.T) {
	key, other := merkletest.Key(t, origin), merkletest.Key(t, origin)
	path := t.TempDir()
	log, _, err := audit.Open(openFolder(t, path), key, clock)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append("test", move(0)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := audit.Open(openFolder(t, path), other, clock); !errors.Is(err, merkle.ErrSigned) {
		t.Errorf("another key: %v", err)
	}
	aside := filepath.Join(path, "aside")
	if err := os.Rename(filepath.Join(path, "checkpoint"), aside); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append("test", move(1)); !errors.Is(err, merkle.ErrTruncated) {
		t.Errorf("without its checkpoint: %v", err)
	}
	if _, _, err := audit.Open(openFolder(t, path), key, clock); !errors.Is(err, merkle.ErrTruncated) {
		t.Errorf("open without a checkpoint: %v", err)
	}
	if err := os.Rename(aside, filepath.Join(path, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	if r, err := log.Append("test", move(1)); err != nil || r.Index() != 1 {
		t.Errorf("mended: %v", err)
	}
}
