package release

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pawl/framing/person"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/bucket"
	"pawl/receiver/release/bucket/buckettest"
)

// away makes the house release to a store that is not there.
func (h *house) away(t *testing.T, s *buckettest.Server) (back func()) {
	t.Helper()
	right := s.Config
	s.Config.Secret = "wrong"
	h.toBucket(t, s)
	return func() {
		s.Config = right
		h.toBucket(t, s)
	}
}

// TestWordsWhileTheStoreIsAway: a yes is taken back and a no counts while nothing can be uploaded, for as long as that lasts.
func TestWordsWhileTheStoreIsAway(t *testing.T) {
	s := buckettest.Start(t)
	for action, want := range map[person.Action]quarantine.State{person.Revoke: quarantine.Held, person.Reject: quarantine.Rejected} {
		h := heldHouse(t, One)
		back := h.away(t, s)
		h.approve(t, id, "alice")
		for st := quarantine.Held; ; st = quarantine.Checking {
			if got, err := h.gate.Run(t.Context(), id, st); err == nil || got != quarantine.Checking {
				t.Fatalf("%s, %v", got, err)
			}
			if st == quarantine.Checking {
				break
			}
		}
		who := map[person.Action]string{person.Revoke: "alice", person.Reject: "bob"}[action]
		if err := h.decide(t, id, who, action); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
		if st, err := h.store.Find(id); err != nil || st != want {
			h.run(t, id, quarantine.Checking, want)
		}
		back()
		if err := h.gate.Sweep(h.gate.channels[id.Channel]); err != nil {
			t.Error(err)
		}
		if action == person.Revoke {
			h.approve(t, id, "bob")
			h.run(t, id, quarantine.Held, quarantine.Released)
			delivered(t, s, checktest.Tree())
			continue
		}
		for _, name := range stored(t, s) {
			if strings.HasPrefix(name, id.String()) {
				t.Errorf("%s is left in the store", name)
			}
		}
		if begun, err := os.Lstat(filepath.Join(h.store.Dir(want, id), intentFile)); err == nil {
			t.Errorf("%s is left", begun.Name())
		}
	}
}

// TestWordsInTheMiddle: whoever has the transfer in hand, a word that comes before the release begins is weighed, also in its last instant.
func TestWordsInTheMiddle(t *testing.T) {
	for _, place := range []string{"inbox", "bucket"} {
		for action, want := range map[person.Action]quarantine.State{person.Revoke: quarantine.Held, person.Reject: quarantine.Rejected} {
			for _, at := range []string{"checked", "last"} {
				t.Run(place+" "+string(action)+" "+at, func(t *testing.T) {
					h := heldHouse(t, One)
					last := "staging read back"
					if place == "bucket" {
						s := buckettest.Start(t)
						h.toBucket(t, s)
						last = "manifest written"
						t.Cleanup(func() {
							if left := stored(t, s); len(left) != 0 {
								t.Errorf("the store has %q", left)
							}
						})
					}
					if at == "last" {
						at = last
					}
					h.approve(t, id, "alice")
					who := map[person.Action]string{person.Revoke: "alice", person.Reject: "bob"}[action]
					said := false
					h.gate.step = func(step string) {
						if step == at && !said {
							said = true
							if err := h.decide(t, id, who, action); err != nil {
								t.Errorf("while it is in hand: %v", err)
							}
						}
					}
					h.run(t, id, quarantine.Held, want)
					h.wantEmptyInbox(t)
					if !said {
						t.Errorf("no step %q", at)
					}
				})
			}
		}
	}
}

// TestRejectFromChecking: what can't be moved on can be refused.
func TestRejectFromChecking(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	if err := os.Rename(h.inbox, h.inbox+".away"); err != nil {
		t.Fatal(err)
	}
	if st, err := h.gate.Run(t.Context(), id, quarantine.Complete); err == nil || st != quarantine.Checking {
		t.Fatalf("%s, %v", st, err)
	}
	if err := h.decide(t, id, "bob", person.Reject); err != nil {
		t.Fatal(err)
	}
	h.is(t, id, quarantine.Rejected)
}

// TestTriesEnterNothingTwice: the log does not grow while an inbox or a store is away, however often it is tried; and what is told in the end is
// the story of one release.
func TestTriesEnterNothingTwice(t *testing.T) {
	for _, place := range []string{"inbox", "bucket"} {
		t.Run(place, func(t *testing.T) {
			h := build(t, false)
			store, key, _ := h.audit(t)
			back := func() { h.gate.step = func(string) {} }
			if place == "bucket" {
				back = h.away(t, buckettest.Start(t))
			} else {
				h.gate.step = func(step string) {
					if step == "staging synced" {
						_ = os.Remove(filepath.Join(h.inbox, stageName(id), "tree", "a", "run.sh")) // the disk errs
					}
				}
			}
			h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
			h.run(t, id, quarantine.Complete, quarantine.Held)
			h.approve(t, id, "alice")
			for st, n := quarantine.Held, 0; n < 4; n++ {
				if got, err := h.gate.Run(t.Context(), id, st); err == nil || got != quarantine.Checking {
					t.Fatalf("%s, %v", got, err)
				}
				st = quarantine.Checking
			}
			back()
			h.run(t, id, quarantine.Checking, quarantine.Released)
			h.proves(t, store, key)
			want := "complete checking verdict held approval checking verdict release released removal"
			if got := strings.Join(told(t, store, key), " "); got != want {
				t.Errorf("entries %s, want %s", got, want)
			}
		})
	}
}

// TestReleaseIsEnteredAnewAfterAWord: a yes that was taken back and is not needed is not among those that the log names.
func TestReleaseIsEnteredAnewAfterAWord(t *testing.T) {
	h := heldHouse(t, One)
	book := &recorder{Recorder: audit.Off{}}
	h.gate.Audit(book)
	h.approve(t, id, "alice")
	h.approve(t, id, "bob")
	h.gate.step = func(step string) {
		if step == "staging read back" {
			if err := h.decide(t, id, "alice", person.Revoke); err != nil {
				t.Error(err)
			}
		}
	}
	h.run(t, id, quarantine.Held, quarantine.Released)
	var who [][]string
	for _, r := range book.releases {
		who = append(who, r.Approvals)
	}
	if len(who) != 2 || !slices.Equal(who[0], []string{"alice", "bob"}) || !slices.Equal(who[1], []string{"bob"}) {
		t.Errorf("releases by %q", who)
	}
}

// recorder keeps the releases that are entered.
type recorder struct {
	Recorder
	releases []*audit.Release
}

func (r *recorder) Append(by string, body audit.Body) (audit.Receipt, error) {
	if release, ok := body.(*audit.Release); ok {
		r.releases = append(r.releases, release)
	}
	return r.Recorder.Append(by, body)
}

// TestWhatAStoreNeverTakes is held with the reason, uploads nothing, and can be rejected.
func TestWhatAStoreNeverTakes(t *testing.T) {
	s := buckettest.Start(t)
	long := []checktest.Entry{{Path: "t", Dir: true}}
	path := "t"
	for range 5 {
		path += "/" + strings.Repeat("d", 200)
		long = append(long, checktest.Entry{Path: path, Dir: true})
	}
	long = append(long, checktest.Entry{Path: path + "/f", Data: []byte("x")})
	h := build(t, true)
	h.toBucket(t, s)
	book := &recorder{Recorder: audit.Off{}}
	h.gate.Audit(book)
	h.put(t, id, checktest.Build(t, id, h.key, long))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	if reason := h.reason(t, id); !strings.Contains(reason, "octets, and a store takes 1024") || h.gate.ready(id) {
		t.Errorf("reason %q", reason)
	}
	if len(book.releases) != 0 || len(stored(t, s)) != 0 {
		t.Errorf("releases %v, the store has %q", book.releases, stored(t, s))
	}
	if err := h.decide(t, id, "bob", person.Reject); err != nil {
		t.Fatal(err)
	}
	h.is(t, id, quarantine.Rejected)
	if err := h.gate.channels[id.Channel].Bucket.Put(t.Context(), strings.Repeat("k", 1025), strings.NewReader(""), 0, ""); !errors.Is(err, bucket.ErrRefused) {
		t.Errorf("put under too long a key: %v", err)
	}
}

// TestGuard: while the files that decide are others than the gate goes by, nothing is released, not even what was being copied when they changed.
func TestGuard(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	errOther := errors.New("people.toml is another file")
	var wrong error
	h.gate.Guard(func() error { return wrong })
	h.gate.step = func(step string) {
		if step == "staging read back" {
			wrong = errOther
		}
	}
	for st, n := quarantine.Complete, 0; n < 2; n++ {
		if got, err := h.gate.Run(t.Context(), id, st); got != quarantine.Checking || !errors.Is(err, errOther) {
			t.Fatalf("%s, %v", got, err)
		}
		h.wantEmptyInbox(t)
		st = quarantine.Checking
	}
	wrong, h.gate.step = nil, func(string) {}
	h.run(t, id, quarantine.Checking, quarantine.Released)
}

// TestWhatAnInboxNeverTakes is held with the reason and not tried for ever.
func TestWhatAnInboxNeverTakes(t *testing.T) {
	for _, errno := range []error{syscall.ENAMETOOLONG, syscall.EINVAL, syscall.EILSEQ, syscall.ENOSPC, syscall.EROFS} {
		h := build(t, true)
		h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
		j, lock, err := h.gate.take(id, quarantine.Complete)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.accept(); err != nil {
			t.Fatal(err)
		}
		fault := fmt.Errorf("stage %q: %w", "tree/a", unfit(&os.PathError{Op: "openat", Path: "a", Err: errno}))
		err = j.refuse(fault)
		lock.Unlock()
		if errno == syscall.ENOSPC || errno == syscall.EROFS {
			if !errors.Is(err, errno) || j.state != quarantine.Checking {
				t.Errorf("%v: %s, %v", errno, j.state, err)
			}
			continue
		}
		if w, waitErr := h.gate.Waits(id); err != nil || waitErr != nil || !w.Stuck || !strings.Contains(w.For, `the inbox can't have such a name`) {
			t.Errorf("%v: %s, %v, %+v", errno, j.state, err, w)
		}
	}
}
