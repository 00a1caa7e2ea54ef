package sender

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/lowlog"
	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
)

// balky is a store in memory that can be full, and counts what it was asked to sync.
type balky struct {
	mu   sync.Mutex
	in   *merkletest.Store
	full bool
	puts int
}

var errNoRoom = errors.New("no space left on device")

func (b *balky) FS() fs.FS { return b.in.FS() }

func (b *balky) Put(name string, data []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return errNoRoom
	}
	b.puts++
	return b.in.Put(name, data)
}

func (b *balky) Rename(from, to string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return errNoRoom
	}
	return b.in.Rename(from, to)
}

func (b *balky) Remove(name string) error { return b.in.Remove(name) }

func (b *balky) Lock() (func(), error) { return b.in.Lock() }

func (b *balky) set(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
}

// entries proves the log and gives what it says, one word an entry.
func entries(t *testing.T, files fs.FS, key *merkle.Key) (words []string, all []*lowlog.Entry) {
	t.Helper()
	_, err := merkle.Check(files, key.Public(), func(_ int64, data []byte) error {
		e, err := lowlog.Parse(data)
		if err != nil {
			return err
		}
		word := e.Body().Kind()
		if e.Transfer != nil {
			word = string(e.Transfer.Event)
		}
		words, all = append(words, word), append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return words, all
}

// TestTrailOfTransfers: what the sender did is in its log, in order, with the proof of what was sent, and the beats
// told the checkpoints of that very log.
func TestTrailOfTransfers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		store, key := merkletest.NewStore(), merkletest.Key(t, "low")
		cfg.Audit, cfg.Digest = NewTrail(store, key), [32]byte{1}
		d := start(t, cfg)
		plant(t, filepath.Join(d.dir, "outbox"), map[string]string{"tree/a": noise(1, 100_000), "tree/b": "b"})
		id := transferID(7, d.done("sent", 1)[0])
		plant(t, filepath.Join(d.dir, "outbox"), map[string]string{"bad\nname": "x"})
		d.done("refused", 1)
		time.Sleep(3 * time.Second)
		body := must(proofBody(filepath.Join(d.dir, "sent", id, proofFile)))(t)
		at := *d.cfg.Audit.at.Load()
		if s := d.Status().Audit; s.Size != at.Size || s.Log != "low" || s.Fault != "" || s.Lost != 0 || s.Waiting != 0 {
			t.Errorf("status %+v", s)
		}
		d.stop()
		words, all := entries(t, store.FS(), key)
		if fmt.Sprint(words) != "[start claimed sent refused stop]" {
			t.Fatal(words)
		}
		if s := all[0].Start; s.Config != hex.EncodeToString(cfg.Digest[:]) || s.Version != "test" {
			t.Errorf("%+v", s)
		}
		if c := all[1].Transfer; c.ID != id || c.Name != "tree" || c.Files != 2 || c.Bytes != 100_001 || c.Proof != "" {
			t.Errorf("%+v", c)
		}
		if s := all[2].Transfer; s.Proof != hex.EncodeToString(body[:]) {
			t.Errorf("%+v, the proof is %x", s, body)
		}
		if r := all[3].Transfer; r.Reason == "" {
			t.Errorf("%+v", r)
		}
		heard := map[uint64]bool{}
		view := must(merkle.OpenView(store.FS(), key.Public()))(t)
		for _, p := range d.link.all() {
			if p.h.Type != framing.TypeBeat {
				continue
			}
			b := must(framing.ParseBeat(p.payload))(t)
			if err := view.Extends(merkle.Checkpoint{Size: int64(b.LogSize), Root: b.LogRoot}); err != nil {
				t.Errorf("a beat told of %d entries: %v", b.LogSize, err)
			}
			heard[b.LogSize] = true
		}
		if !heard[uint64(at.Size)] || heard[0] || len(heard) < 2 {
			t.Errorf("beats told of sizes %v, the log came to %d before the stop", heard, at.Size)
		}
	})
}

// TestTrailNeverWaits: a disk that is full costs entries beyond the queue's end, nothing else; they are counted, said, and told
// of in the log once there is room. Entries that had room wait.
func TestTrailNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, key := &balky{in: merkletest.NewStore()}, merkletest.Key(t, "low")
		trail := NewTrail(store, key)
		end := trail.begin(&Config{Log: zap.NewNop()})
		store.set(true)
		const over = 77
		claim := func(n int) *lowlog.Transfer {
			return &lowlog.Transfer{ID: transferID(7, uint64(n+1)), Event: lowlog.Claimed}
		}
		for n := range trailWaiting + over {
			trail.note(claim(n))
		}
		time.Sleep(time.Minute)
		s := trail.status()
		if s.Fault == "" || s.Lost != over || s.Waiting != trailWaiting+1 || s.Size != 1 || s.Trouble() == "" {
			t.Errorf("full disk: %+v", s)
		}
		store.set(false)
		time.Sleep(time.Minute)
		if s := trail.status(); s.Fault != "" || s.Waiting != 0 || s.Size != 1+trailWaiting+1 {
			t.Errorf("room again: %+v", s)
		}
		end(nil)
		words, all := entries(t, store.FS(), key)
		missed := uint64(0)
		for i, e := range all {
			if e.Missed != nil {
				missed += e.Missed.Entries
				words[i] = ""
			}
		}
		if missed != over {
			t.Errorf("the log says that %d entries are missing, not %d", missed, over)
		}
	})
}

// TestTrailSharesSyncs: many small transfers don't cost a sync each.
func TestTrailSharesSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, key := &balky{in: merkletest.NewStore()}, merkletest.Key(t, "low")
		trail := NewTrail(store, key)
		end := trail.begin(&Config{Log: zap.NewNop()})
		const count = 50_000
		for n := range count {
			trail.note(&lowlog.Transfer{ID: transferID(7, uint64(n+1)), Event: lowlog.Claimed})
			time.Sleep(250 * time.Microsecond) // 4,000 in a second
		}
		end(nil)
		if s := trail.status(); s.Lost != 0 || s.Size != count+2 {
			t.Fatalf("%+v", s)
		}
		// Two files for 256 entries, and some for each turn.
		if most := count/256*2 + 10*int(count/4000+2); store.puts > most {
			t.Errorf("%d files written for %d entries, at most %d were meant", store.puts, count, most)
		}
		t.Logf("%d files written for %d entries", store.puts, count)
	})
}

// TestTrailDamaged: a log that is another key's, or damaged, keeps nobody from sending, and is said.
func TestTrailDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		store := merkletest.NewStore()
		if _, _, err := merkle.NewWriter(store, merkletest.Key(t, "low")); err != nil {
			t.Fatal(err)
		}
		cfg.Audit = NewTrail(store, merkletest.Key(t, "low"))
		d := start(t, cfg)
		plant(t, filepath.Join(d.dir, "outbox"), map[string]string{"file": "x"})
		d.done("sent", 1)
		if s := d.Status(); s.Audit.Fault == "" || s.Audit.Size != 0 || s.Fault == nil {
			t.Errorf("%+v, last fault %+v", s.Audit, s.Fault)
		}
		d.stop()
		if _, err := os.Stat(filepath.Join(d.dir, "sent")); err != nil {
			t.Error(err)
		}
	})
}
