package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

var id = quarantine.ID{Channel: 3, Transfer: 0x019a2b3c4d5e6f70}

// house is a quarantine with one channel and its inbox.
type house struct {
	store *quarantine.Store
	inbox string
	key   *seal.SenderKey
	gate  *Gate
	keys  map[string]*person.Key // of the people
}

func build(t testing.TB, auto bool) *house {
	t.Helper()
	h := &house{inbox: filepath.Join(t.TempDir(), "inbox"), key: checktest.Key(t)}
	if err := os.Mkdir(h.inbox, 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.store, err = quarantine.Open(filepath.Join(t.TempDir(), "quarantine")); err != nil {
		t.Fatal(err)
	}
	channel := Channel{ID: id.Channel, Name: "files", Inbox: h.inbox, Release: One}
	if auto {
		channel.Release = Auto
	}
	h.gate = NewGate(h.store, h.key.Public(), []Channel{channel}, "test", zap.NewNop())
	h.gate.People(h.registry(t))
	h.gate.now = clock()
	return h
}

// change sets what the channel asks for.
func (h *house) change(set func(c *Channel)) {
	channel := h.gate.channels[id.Channel]
	set(&channel)
	h.gate.channels[id.Channel] = channel
}

// put leaves a transfer in complete, as pawl-receive does.
func (h *house) put(t testing.TB, id quarantine.ID, o checktest.Objects) {
	t.Helper()
	o.Write(t, h.store.Dir(quarantine.Complete, id))
}

func (h *house) run(t testing.TB, id quarantine.ID, st, want quarantine.State) {
	t.Helper()
	if got, err := h.gate.Run(t.Context(), id, st); err != nil || got != want {
		t.Fatalf("run: %s, %v, want %s", got, err, want)
	}
	h.is(t, id, want)
}

func (h *house) is(t testing.TB, id quarantine.ID, want quarantine.State) {
	t.Helper()
	in := 0
	for _, st := range quarantine.States() {
		if _, err := os.Lstat(h.store.Dir(st, id)); err == nil {
			in++
		}
	}
	if st, err := h.store.Find(id); err != nil || st != want || in != 1 {
		t.Fatalf("%s is %q in %d states (%v), want %q", id, st, in, err, want)
	}
}

// reason is the last reason in a transfer's history.
func (h *house) reason(t testing.TB, id quarantine.ID) string {
	t.Helper()
	st, err := h.store.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	events, err := h.store.History(id, st)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, e := range events {
		if e.From != e.To {
			last = e.Reason
		}
	}
	return last
}

// names lists the inbox, staging included.
func (h *house) names(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(h.inbox)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (h *house) wantEmptyInbox(t testing.TB) {
	t.Helper()
	if names := h.names(t); len(names) != 0 {
		t.Errorf("the inbox has %q", names)
	}
}

// diff is checktest.Diff.
func diff(inbox string, want []checktest.Entry) error { return checktest.Diff(inbox, want) }

func TestAutoReleasesWhole(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
	if names := h.names(t); len(names) != 1 {
		t.Errorf("inbox has %q", names)
	}
	for name, there := range map[string]bool{quarantine.ContentFile: false, quarantine.PlanFile: true, quarantine.ProofFile: true, quarantine.HistoryFile: true} {
		_, err := os.Lstat(filepath.Join(h.store.Dir(quarantine.Released, id), name))
		if (err == nil) != there {
			t.Errorf("%s after release: %v, want there %t", name, err, there)
		}
	}
}

func TestKeepKeepsTheContent(t *testing.T) {
	h := build(t, true)
	h.change(func(c *Channel) { c.Keep = true })
	channel := h.gate.channels[id.Channel]
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if err := h.gate.Sweep(channel); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(h.store.Dir(quarantine.Released, id), quarantine.ContentFile)); err != nil {
		t.Error(err)
	}
}

func TestManySmallFiles(t *testing.T) {
	h := build(t, true)
	many := []checktest.Entry{{Path: "many", Dir: true, ModTime: 1}}
	for i := range 1000 {
		many = append(many, checktest.Entry{Path: fmt.Sprintf("many/%04d", i), Data: []byte(fmt.Sprint(i)), ModTime: int64(i)})
	}
	h.put(t, id, checktest.Build(t, id, h.key, many))
	h.run(t, id, quarantine.Complete, quarantine.Released)
	if err := diff(h.inbox, many); err != nil {
		t.Error(err)
	}
}

func TestHoldApproveReject(t *testing.T) {
	h := build(t, false)
	other := quarantine.ID{Channel: id.Channel, Transfer: 7}
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.put(t, other, checktest.Build(t, other, h.key, []checktest.Entry{{Path: "f"}}))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.run(t, other, quarantine.Complete, quarantine.Held)
	h.wantEmptyInbox(t)
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) {
		t.Errorf("run of a held transfer without an approval: %v", err)
	}
	if err := h.gate.Reject(other, "not wanted"); !errors.Is(err, ErrPeople) {
		t.Fatalf("rejected by nobody: %v", err)
	}
	if err := h.decide(t, other, "alice", person.Reject); err != nil {
		t.Fatal(err)
	}
	h.is(t, other, quarantine.Rejected)
	if got := h.reason(t, other); got != "rejected by alice: because" {
		t.Errorf("reason %q", got)
	}
	h.approve(t, id, "alice")
	h.run(t, id, quarantine.Held, quarantine.Released)
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
	for _, err := range []error{h.decide(t, id, "alice", person.Reject), h.decide(t, other, "bob", person.Reject)} {
		if !errors.Is(err, ErrState) {
			t.Errorf("reject of what is not held: %v", err)
		}
	}
	if err := h.decide(t, other, "bob", person.Approve); !errors.Is(err, ErrState) {
		t.Errorf("approve of a rejected one: %v", err)
	}
	h.is(t, other, quarantine.Rejected)
}

func TestFailureLeavesTheQuestionOpen(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	if err := os.Rename(h.inbox, h.inbox+".away"); err != nil {
		t.Fatal(err)
	}
	for st := quarantine.Complete; st != ""; {
		if _, err := h.gate.Run(t.Context(), id, st); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("without an inbox: %v", err)
		}
		h.is(t, id, quarantine.Checking)
		if st == quarantine.Checking {
			break
		}
		st = quarantine.Checking
	}
	events, err := h.store.History(id, quarantine.Checking)
	if err != nil || len(events) != 2 || !strings.Contains(events[1].Reason, "no such file") {
		t.Errorf("history %+v, %v: want the failure once", events, err)
	}
	if err := os.Rename(h.inbox+".away", h.inbox); err != nil {
		t.Fatal(err)
	}
	h.run(t, id, quarantine.Checking, quarantine.Released)
}

func TestUnknownChannelIsLeft(t *testing.T) {
	h := build(t, true)
	other := quarantine.ID{Channel: 99, Transfer: 1}
	h.put(t, other, checktest.Build(t, other, h.key, checktest.Tree()))
	if _, err := h.gate.Run(t.Context(), other, quarantine.Complete); !errors.Is(err, ErrChannel) {
		t.Errorf("run: %v", err)
	}
	h.is(t, other, quarantine.Complete)
}
