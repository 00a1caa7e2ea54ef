package release

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pawl/framing/person"
	"pawl/receiver/audit"
	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// scanner plays clamd, and can change its mind.
type scanner struct {
	socket string

	mu              sync.Mutex
	version, answer string
	away            bool // hangs up
}

func newScanner(t *testing.T) *scanner {
	t.Helper()
	s := &scanner{socket: filepath.Join(t.TempDir(), "s"), answer: "stream: OK"}
	s.dated("1.4.6", 27812, time.Now())
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return s
}

func (s *scanner) dated(version string, signatures int, made time.Time) {
	s.set(func() {
		s.version = fmt.Sprintf("ClamAV %s/%d/%s", version, signatures, made.Format("Mon Jan _2 15:04:05 2006"))
	})
}

func (s *scanner) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *scanner) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return
	}
	in := bufio.NewReader(conn)
	switch command, _ := in.ReadString(0); command {
	case "zVERSION\x00":
		_, _ = io.WriteString(conn, s.version+"\x00")
	case "zINSTREAM\x00":
		var size [4]byte
		for {
			if _, err := io.ReadFull(in, size[:]); err != nil || binary.BigEndian.Uint32(size[:]) == 0 {
				break
			}
			_, _ = io.CopyN(io.Discard, in, int64(binary.BigEndian.Uint32(size[:])))
		}
		_, _ = io.WriteString(conn, s.answer+"\x00")
	}
}

func (s *scanner) policy() check.Policy {
	return check.Policy{Virus: &check.VirusRule{Rule: rule(quarantine.Rejected), Socket: s.socket, MaxAge: 7 * 24 * time.Hour}}
}

// TestABlipCostsNothing: a check that can't be made says nothing of the content. The last answer and the approvals of it stand, and the check is
// made again by itself.
func TestABlipCostsNothing(t *testing.T) {
	s := newScanner(t)
	h := build(t, false)
	h.with(s.policy())
	h.change(func(c *Channel) { c.Release = Two })
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.approve(t, id, "alice")
	before, err := readFile(h.store.Dir(quarantine.Held, id), verdictFile)
	if err != nil {
		t.Fatal(err)
	}
	s.set(func() { s.away = true })
	h.at(monday.Add(time.Hour))
	h.approve(t, id, "bob")
	h.run(t, id, quarantine.Held, quarantine.Held)
	if reason := h.reason(t, id); !strings.Contains(reason, "clamd does not ") { // answer, or take the file: who hears first that it is gone is chance
		t.Errorf("reason %q", reason)
	}
	after, err := readFile(h.store.Dir(quarantine.Held, id), verdictFile)
	if err != nil || !bytes.Equal(before, after) || h.counts(t, id) != 2 {
		t.Errorf("%d approvals after a blip, %v\n%s\n%s", h.counts(t, id), err, before, after)
	}
	// It waits longer each time.
	if _, err := h.gate.Run(t.Context(), id, quarantine.Held); !errors.Is(err, ErrState) || h.gate.ready(id) {
		t.Errorf("at once again: %v", err)
	}
	now := monday.Add(time.Hour + unableFirst)
	h.at(now)
	h.run(t, id, quarantine.Held, quarantine.Held)
	if h.at(now.Add(2*unableFirst - time.Second)); h.gate.ready(id) {
		t.Error("the second wait is not longer")
	}
	w, err := h.gate.Waits(id)
	if err != nil || w.Stuck || !w.Unable || !strings.Contains(w.For, "tried again at 2026-11-23T13:03:00Z") {
		t.Errorf("waits %+v, %v", w, err)
	}
	s.set(func() { s.away = false })
	h.at(now.Add(2 * unableFirst))
	h.run(t, id, quarantine.Held, quarantine.Released)
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
}

// TestABlipIsNoReasonToPass: what was never checked is not approved and not released, and "no" of another check weighs more.
func TestABlipIsNoReasonToPass(t *testing.T) {
	s := newScanner(t)
	s.set(func() { s.away = true })
	h := build(t, true)
	h.with(s.policy())
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.wantEmptyInbox(t)
	if err := h.decide(t, id, "alice", person.Approve); !errors.Is(err, ErrState) {
		t.Errorf("approved: %v", err)
	}
	s.set(func() { s.away = false })
	h.at(monday.Add(time.Minute))
	h.run(t, id, quarantine.Held, quarantine.Released)

	other := build(t, true)
	p := s.policy()
	p.Names = &check.NamesRule{Rule: rule(quarantine.Held), Deny: []string{"*.sh"}}
	s.set(func() { s.away = true })
	other.with(p)
	other.put(t, id, checktest.Build(t, id, other.key, checktest.Tree()))
	other.run(t, id, quarantine.Complete, quarantine.Held)
	if w, err := other.gate.Waits(id); err != nil || !w.Stuck || w.Unable || !strings.Contains(w.For, "limits: ") {
		t.Errorf("waits %+v, %v", w, err)
	}
}

// TestSecondScanWithNewSignatures: the engine has learnt something in the hold time.
func TestSecondScanWithNewSignatures(t *testing.T) {
	s := newScanner(t)
	h := build(t, false)
	store, key, _ := h.audit(t)
	h.with(s.policy())
	h.change(func(c *Channel) { c.HoldFor = 24 * time.Hour })
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.approve(t, id, "alice")
	s.dated("1.4.6", 27813, time.Now())
	s.set(func() { s.answer = "stream: New-Thing FOUND" })
	h.at(monday.Add(24 * time.Hour))
	h.run(t, id, quarantine.Held, quarantine.Rejected)
	h.refused(t, "virus: tree/a/b/deep.txt: New-Thing found")
	scans, err := Scans(h.store.Dir(quarantine.Rejected, id))
	if err != nil || len(scans) != 2 || !scans[0].Pass || scans[1].Pass || !strings.Contains(scans[1].Reason, "New-Thing") {
		t.Fatalf("scans %+v, %v", scans, err)
	}
	n := 0
	_, err = audit.Verify(store.FS(), key.Public(), nil, func(_ int64, e *audit.Entry) error {
		if e.Verdict == nil {
			return nil
		}
		want := []string{"/27812/", "/27813/"}[n]
		if v := e.Verdict; len(v.Engines) != 1 || v.Engines[0].Check != "virus" || v.Engines[0].Name != "clamd" || !strings.Contains(v.Engines[0].Version, want) {
			t.Errorf("verdict %+v, want signatures %s", v, want)
		}
		n++
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d verdicts, %v", n, err)
	}
}

// TestSecondScanThatSaysTheSame leaves its own trace, and every approval.
func TestSecondScanThatSaysTheSame(t *testing.T) {
	s := newScanner(t)
	h := build(t, false)
	h.with(s.policy())
	h.change(func(c *Channel) { c.Release, c.HoldFor = Two, 24*time.Hour })
	h.at(monday)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	h.run(t, id, quarantine.Complete, quarantine.Held)
	h.approve(t, id, "alice")
	s.dated("1.4.7", 27999, time.Now())
	h.at(monday.Add(24 * time.Hour))
	h.run(t, id, quarantine.Held, quarantine.Held)
	scans, err := Scans(h.store.Dir(quarantine.Held, id))
	if err != nil || len(scans) != 2 || !scans[1].Pass || !strings.Contains(scans[1].Engines[0].Version, "1.4.7/27999") || h.counts(t, id) != 1 {
		t.Errorf("scans %+v, %v, %d approvals", scans, err, h.counts(t, id))
	}
}

// sshKey makes a key and a signature over a text with ssh-keygen.
func sshSigned(t *testing.T, text string) (key check.SSHKey, signature string) {
	t.Helper()
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "f"), filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-q", "-t", "ed25519", "-N", "", "-f", secret}, {"-Y", "sign", "-q", "-n", "file", "-f", secret, file}} {
		if out, err := exec.Command("ssh-keygen", args...).CombinedOutput(); err != nil {
			if os.Getenv("CI") != "true" && errors.Is(err, exec.ErrNotFound) {
				t.Skip("ssh-keygen is not here: make deps")
			}
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	public, err := os.ReadFile(secret + ".pub")
	if err == nil {
		err = key.UnmarshalText(bytes.TrimSpace(public))
	}
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(file + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	return key, string(made)
}

// TestSignatureRows go through the gate as the table of bad content does: SSH signatures, and signatures of viruses that are too old.
func TestSignatureRows(t *testing.T) {
	key, right := sshSigned(t, "x")
	_, wrong := sshSigned(t, "x")
	signed := check.Policy{Signed: &check.SignedRule{Rule: rule(quarantine.Rejected), Required: true, SSH: []check.SSHKey{key}, Namespace: "file"}}
	old, future := newScanner(t), newScanner(t)
	old.dated("1.4.6", 1, time.Now().Add(-8*24*time.Hour))
	future.dated("1.4.6", 99999, time.Now().Add(48*time.Hour))
	for _, tc := range []badContent{
		{"SSH, of other content", signed, map[string]string{"a": "y", "a.sig": right}, quarantine.Rejected, "signed: t/a.sig: wrong signature"},
		{"SSH, another's", signed, map[string]string{"a": "x", "a.sig": wrong}, quarantine.Rejected, "by a key that is not allowed"},
		{"SSH, none", signed, map[string]string{"a": "x"}, quarantine.Rejected, "signed: t/a: is not signed"},
		{"stale signatures", old.policy(), map[string]string{"a": "x"}, quarantine.Held, "virus: t/a: signatures are 8 days old"},
		{"signatures of the future", future.policy(), map[string]string{"a": "x"}, quarantine.Held, "which is to come"},
	} {
		for _, auto := range []bool{true, false} {
			t.Run(tc.name, func(t *testing.T) { tc.run(t, auto) })
		}
	}
	h := build(t, true)
	h.with(signed)
	h.put(t, id, checktest.Build(t, id, h.key, transferOf(map[string]string{"a": "x", "a.sig": right})))
	h.run(t, id, quarantine.Complete, quarantine.Released)
}
