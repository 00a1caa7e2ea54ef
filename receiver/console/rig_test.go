package console

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// The people of the tests. Two approvers, of whom bob has the second channel only beside the first, and one of each other role.
var cast = map[string]people.Person{
	"alice": {Roles: []people.Role{people.Approver}},
	"bob":   {Roles: []people.Role{people.Approver}},
	"vera":  {Roles: []people.Role{people.Viewer}},
	"otto":  {Roles: []people.Role{people.Auditor}},
	"ada":   {Roles: []people.Role{people.Admin}},
	"carl":  {Roles: []people.Role{people.Approver, people.Auditor}, Channels: []string{"other"}},
	"ghost": {Roles: []people.Role{people.Viewer}}, // without a key file
}

const passphrase = "correct horse battery"

// made are keys and their files, made once: locking takes its time by intent.
var made = sync.OnceValues(func() (map[string]*person.Key, map[string]string) {
	keys, files := map[string]*person.Key{}, map[string]string{}
	for name := range cast {
		k, err := person.NewKey(name, seed(name))
		if err != nil {
			panic(err)
		}
		keys[name] = k
		if name == "alice" || name == "bob" {
			if files[name], err = k.Lock([]byte(passphrase)); err != nil {
				panic(err)
			}
		}
	}
	return keys, files
})

// rig is a console over a real quarantine, gate and audit log.
type rig struct {
	t      testing.TB
	c      *Console
	store  *quarantine.Store
	gate   *release.Gate
	sender *seal.SenderKey
	root   string
	inbox  string
	key    *merkle.Key
	clock  atomic.Int64 // added to the time, nanoseconds
	keys   map[string]*person.Key
	began  time.Time // of pawl-receive
	given  []string  // tickets and receipts
}

func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	keys, files := made()
	r := &rig{t: t, sender: checktest.Key(t), root: filepath.Join(dir, "q"), inbox: filepath.Join(dir, "inbox"), key: merkletest.Key(t, "example.org/pawl/high"), keys: keys, began: time.Now().Add(-time.Hour)}
	for _, d := range []string{"inbox", "other", "keys", "audit"} {
		must(os.Mkdir(filepath.Join(dir, d), 0o700))
	}
	for name, text := range files {
		must(os.WriteFile(filepath.Join(dir, "keys", name+".key"), []byte(text+"\n"), 0o600))
	}
	var all []people.Person
	for name, p := range cast {
		p.Key = keys[name].Public()
		all = append(all, p)
	}
	registry, err := people.New(all, r.sender.Public())
	must(err)
	r.store, err = quarantine.Open(r.root)
	must(err)
	r.gate = release.NewGate(r.store, r.sender.Public(), []release.Channel{
		{ID: 1, Name: "updates", Inbox: r.inbox, Release: release.Two, Show: []string{"files", "verdicts"}},
		{ID: 2, Name: "other", Inbox: filepath.Join(dir, "other"), Release: release.One},
	}, "pawl-release", zap.NewNop())
	folder, err := disk.OpenFolder(filepath.Join(dir, "audit"))
	must(err)
	book, _, err := audit.Open(folder, r.key, time.Now)
	must(err)
	r.gate.Audit(book)
	r.gate.People(registry)
	config := Config{
		Root: r.root, Store: r.store, Gate: r.gate, People: registry, Keys: filepath.Join(dir, "keys"), Version: "test",
		Channels: []Channel{{1, "updates", 2, []string{"files", "verdicts"}}, {2, "other", 1, nil}},
		Audit:    func() (*merkle.View, error) { return merkle.OpenView(folder.FS(), r.key.Public()) },
		Evidence: func(w io.Writer, id quarantine.ID) error { _, err := fmt.Fprint(w, "PK of ", id); return err },
		Ticket: func(who string, id quarantine.ID, part int) (Carried, error) {
			r.given = append(r.given, fmt.Sprintf("ticket %d of %s to %s", part, id, who))
			return Carried{"09GM3-0HV4Q-09GM3", "3 blocks", part, 2, 60}, nil
		},
		Receipt: func(who string, id quarantine.ID) (Carried, error) {
			r.given = append(r.given, fmt.Sprintf("receipt of %s to %s", id, who))
			return Carried{Text: "0G3KM-0G3KM", About: "arrived whole", Bits: 80}, nil
		},
		Now: func() time.Time { return time.Now().Add(time.Duration(r.clock.Load())) },
	}
	if change != nil {
		change(&config)
	}
	r.c, err = New(config)
	must(err)
	return r
}

// skip sets the clock forward.
func (r *rig) skip(d time.Duration) { r.clock.Add(int64(d)) }

// id is the n-th transfer of a channel.
func id(channel uint16, n uint64) quarantine.ID {
	return quarantine.ID{Channel: channel, Transfer: 0x019a2b3c4d5e0000 + n}
}

// arrive leaves a transfer as pawl-receive does, and has it checked unless it stays in another state.
func (r *rig) arrive(one quarantine.ID, entries []checktest.Entry, state quarantine.State) {
	r.t.Helper()
	dir, err := r.store.Create(one)
	if err != nil {
		r.t.Fatal(err)
	}
	checktest.Build(r.t, one, r.sender, entries).Write(r.t, dir)
	move := func(from, to quarantine.State) {
		r.t.Helper()
		if err := r.store.Record(one, from, quarantine.Event{Who: "pawl-receive", From: from, To: to}); err != nil {
			r.t.Fatal(err)
		}
		if err := r.store.Move(one, from, to); err != nil {
			r.t.Fatal(err)
		}
	}
	switch state {
	case quarantine.Incoming:
		return
	case quarantine.Incomplete:
		if err := quarantine.WriteMissing(dir, &quarantine.Missing{ID: one.String(), Objects: []quarantine.MissingObject{
			{Object: "content", Length: 1 << 20, Blocks: 10, Missing: 3, Runs: []quarantine.Run{{First: 2, Last: 4, Short: 1}}}}}); err != nil {
			r.t.Fatal(err)
		}
		move(quarantine.Incoming, quarantine.Incomplete)
		return
	}
	move(quarantine.Incoming, quarantine.Complete)
	if state == quarantine.Complete {
		return
	}
	if got, err := r.gate.Run(context.Background(), one, quarantine.Complete); err != nil || got != state {
		r.t.Fatalf("checked: %v, %v; want %v", got, err, state)
	}
}

// indexed reads everything into the index.
func (r *rig) indexed() {
	r.c.index.list(context.Background())
	r.c.index.fill(context.Background())
}

// client is a person's browser.
type client struct {
	r     *rig
	token string
	csrf  string
	h     http.Header
}

// as logs a person in, past the door.
func (r *rig) as(name string) *client {
	r.t.Helper()
	s := r.c.sessions.prepare(r.find(name), r.keyOf(name))
	token, err := r.c.sessions.begin(s)
	if err != nil {
		r.t.Fatal(err)
	}
	return &client{r: r, token: token, csrf: s.csrf, h: http.Header{}}
}

// seed makes a person's key, so that it can be made once more: a session wipes its own.
func seed(name string) (seed [32]byte) {
	copy(seed[:], name+" of the tests, no secret")
	return seed
}

func (c *client) do(method, target string, body io.Reader, kind string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, body)
	maps.Copy(req.Header, c.h)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		req.AddCookie(&http.Cookie{Name: c.r.c.cookie(), Value: c.token})
	}
	w := newRecorder()
	c.r.c.Handler().ServeHTTP(w, req)
	return w.ResponseRecorder
}

// recorder is an answer that takes deadlines, as a connection does.
type recorder struct{ *httptest.ResponseRecorder }

func newRecorder() recorder                                    { return recorder{httptest.NewRecorder()} }
func (recorder) SetWriteDeadline(time.Time) error              { return nil }
func (recorder) SetReadDeadline(time.Time) error               { return nil }
func (c *client) get(target string) *httptest.ResponseRecorder { return c.do("GET", target, nil, "") }

// post sends a form with the session's token.
func (c *client) post(target string, fields ...string) *httptest.ResponseRecorder {
	form := url.Values{"csrf": {c.csrf}}
	for pair := range slices.Chunk(fields, 2) {
		form.Set(pair[0], pair[1])
	}
	return c.do("POST", target, strings.NewReader(form.Encode()), "application/x-www-form-urlencoded")
}

// call sends JSON to the API with the token in the header.
func (c *client) call(target string, fields map[string]string) *httptest.ResponseRecorder {
	c.h.Set(csrfHeader, c.csrf)
	defer c.h.Del(csrfHeader)
	data, err := json.Marshal(fields)
	if err != nil {
		c.r.t.Fatal(err)
	}
	return c.do("POST", apiPrefix+target, strings.NewReader(string(data)), "application/json")
}

// read asks the API.
func (c *client) read(target string, into any) {
	c.r.t.Helper()
	w := c.get(apiPrefix + target)
	if w.Code != http.StatusOK {
		c.r.t.Fatalf("%s: %d %s", target, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		c.r.t.Fatalf("%s: %v", target, err)
	}
}

// decision is what a form carries of a transfer, read from the API.
func (c *client) decision(one quarantine.ID, action string, more ...string) []string {
	var d struct {
		Proof  string `json:"proof"`
		Digest string `json:"verdicts_sha256"`
	}
	c.read("/transfers/"+one.String(), &d)
	return append([]string{"action", action, "proof", d.Proof, "verdicts", d.Digest}, more...)
}

func (r *rig) state(one quarantine.ID) quarantine.State {
	r.t.Helper()
	st, err := r.store.Find(one)
	if err != nil {
		r.t.Fatal(err)
	}
	return st
}

func (r *rig) find(name string) people.Person {
	r.t.Helper()
	p, err := r.c.People.Find(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// keyOf makes a person's key once more.
func (r *rig) keyOf(name string) *person.Key {
	r.t.Helper()
	key, err := person.NewKey(name, seed(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return key
}

// unmarshal reads an answer of the API.
func unmarshal(t *testing.T, w *httptest.ResponseRecorder, into any) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
}
