package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/seal"
	"pawl/hw/confine/killtest"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// killed is a real pawl-release that is killed, and what it works on.
type killed struct {
	scene
	t     *testing.T
	keys  string // folder: configuration, keys and passphrase
	high  string // folder: quarantine, inbox, audit log; what counts
	model string // folder: what high is before the act
	later string // folder: what it is after it

	sender   *seal.SenderKey
	auditKey *merkle.Key
	store    *quarantine.Store

	kept []merkle.Checkpoint // that anybody could have read since begin
	sent uint64              // transfers that came after the one
	dead bool                // the last run was killed
	at   string              // where, for the words of a failure
}

// one is the transfer that it is about.
var one = quarantine.ID{Channel: 1, Transfer: 0xaa}

// newKilled makes a quarantine with one transfer that is complete.
func newKilled(t *testing.T, s scene, persons func(string) error) *killed {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	h := &killed{scene: s, t: t, keys: in("keys"), high: in("high"), model: in("model"), later: in("later"),
		sender: checktest.Key(t), auditKey: merkletest.Key(t, "example.org/pawl/high")}
	for _, name := range []string{h.keys, h.high, filepath.Join(h.high, "inbox"), filepath.Join(h.high, "audit")} {
		h.must(os.Mkdir(name, 0o700))
	}
	h.must(errors.Join(persons(h.keys),
		keyfile.SaveAudit(filepath.Join(h.keys, "audit.key"), h.auditKey, time.Now()),
		keyfile.SaveSender(filepath.Join(h.keys, "sender.key"), h.sender, time.Now()),
		os.WriteFile(filepath.Join(h.keys, "policy.toml"), []byte(s.policy), 0o600)))
	h.store, err = quarantine.Open(filepath.Join(h.high, "quarantine"))
	h.must(err)
	objects := checktest.Build(t, one, h.sender, checktest.Tree())
	h.arrive(one, objects)
	if s.damaged {
		h.must(damage(h.store.Dir(quarantine.Complete, one)))
	}
	h.fill()
	h.must(os.CopyFS(h.model, os.DirFS(h.high)))
	return h
}

func (h *killed) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("after %q: %v", h.at, err)
	}
}

// arrive leaves a transfer as pawl-receive does.
func (h *killed) arrive(id quarantine.ID, o checktest.Objects) {
	dir, err := h.store.Create(id)
	h.must(err)
	o.Write(h.t, dir)
	h.must(h.store.Move(id, quarantine.Incoming, quarantine.Complete))
}

// laterData is all that a transfer has that comes later.
const laterData = "x"

// send lets another transfer arrive and gives its name. When the daemon is done with it, it is done with all that it found at its start.
func (h *killed) send() string {
	h.sent++
	id := quarantine.ID{Channel: one.Channel, Transfer: 0x1000 + h.sent}
	h.arrive(id, checktest.Build(h.t, id, h.sender, []checktest.Entry{{Path: "later " + id.String(), Data: []byte(laterData), ModTime: 1e18}}))
	return id.String()
}

// fill gives the log as many entries as the scene asks for.
func (h *killed) fill() {
	if h.entries == 0 {
		return
	}
	folder, err := disk.OpenFolder(filepath.Join(h.high, "audit"))
	h.must(err)
	defer folder.Close()
	w, _, err := merkle.NewWriter(folder, h.auditKey)
	h.must(err)
	entry, err := audit.AppendEntry(nil, &audit.Entry{When: time.Unix(1e9, 0).UTC(), By: "test", Stop: &audit.Stop{Program: "test"}})
	h.must(err)
	_, err = w.Append(slices.Repeat([][]byte{entry}, h.entries)...)
	h.must(err)
}

// begin puts everything as it was before an act.
func (h *killed) begin(a act) {
	h.must(os.RemoveAll(h.high))
	h.must(os.CopyFS(h.high, os.DirFS(h.model)))
	h.kept, h.at = nil, ""
	h.prepare(a)
}

// prepare is what people do before an act.
func (h *killed) prepare(a act) {
	if a.mend != nil {
		_, dir := h.state()
		h.must(a.mend(dir))
	}
}

// keep and next make what is there now the beginning of the next act.
func (h *killed) keep() { h.must(os.CopyFS(h.later, os.DirFS(h.high))) }

func (h *killed) next() { h.must(errors.Join(os.RemoveAll(h.model), os.Rename(h.later, h.model))) }

// configure writes the configuration of an act.
func (h *killed) configure(a act) string {
	channel := a.config
	if channel == "" {
		channel = h.channel
	}
	if h.policy != "" {
		channel += "\npolicy = \"policy.toml\""
	}
	path := filepath.Join(h.keys, "c.toml")
	h.must(os.WriteFile(path, fmt.Appendf(nil, `quarantine = "%[1]s/quarantine"
sender = "%[2]s/sender.key.pub"
people = "people.toml"
[audit]
folder = "%[1]s/audit"
key = "%[2]s/audit.key"
[[channel]]
id = 1
name = "files"
inbox = "%[1]s/inbox"
%[3]s
`, h.high, h.keys, channel), 0o600))
	return path
}

// patience is how long a run may take that has something to come to.
const patience = 2 * time.Minute

// run runs an act and kills it before its n-th call that counts; at 0 it comes to its end. A daemon's end is when it has settled the transfer, unless
// that is where the act wants it, and another one if there is one; then it is told to stop.
func (h *killed) run(a act, other string, n int) []killtest.Call {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	words := []string{"run", "-c", h.configure(a)}
	if a.words != nil {
		words = append([]string{a.words[0], one.String(), "-c", words[2]}, a.words[1:]...)
	}
	if a.who != "" {
		words = append(words, "--key", filepath.Join(h.keys, a.who+".key"), "--passphrase-file", filepath.Join(h.keys, "passphrase"))
	}
	cmd := exec.CommandContext(ctx, "pawl-release", words...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	w := killtest.Watch{Folder: h.high, At: n}
	if a.words == nil {
		w.Before = h.stopper(cmd, a.want, other)
	}
	calls, dead, err := killtest.Run(cmd, w)
	if errors.Is(err, killtest.ErrAbsent) && os.Getenv("CI") != "true" {
		h.t.Skip(err)
	}
	if err != nil {
		st, _ := h.state()
		h.t.Fatalf("after %q: %v: %v, it is %s; last calls %v\n%s", h.at, words, err, st, calls[max(0, len(calls)-3):], said.String())
	}
	h.dead = dead
	return calls
}

// stopper looks at the daemon's calls, and tells it to stop when it settles the last transfer. What it has begun it brings to an end.
func (h *killed) stopper(cmd *exec.Cmd, want quarantine.State, other string) func(killtest.Call) {
	st, _ := h.state()
	here, there := st == want, other == ""
	return func(c killtest.Call) {
		state, id, _ := strings.Cut(strings.TrimPrefix(c.To, "quarantine/"), "/")
		settled := slices.Contains([]string{"held", "released", "rejected"}, state)
		here = here || id == one.String() && settled
		there = there || id == other && settled
		if here && there && (id == one.String() || id == other) && settled {
			_ = cmd.Process.Signal(cli.Terminate) // it may have been killed at this call
		}
	}
}
