package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"pawl/framing/merkle"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// state is where the transfer is: in one place exactly.
func (h *killed) state() (st quarantine.State, dir string) {
	h.t.Helper()
	for _, s := range quarantine.States() {
		if _, err := os.Lstat(h.store.Dir(s, one)); err == nil {
			if st != "" {
				h.t.Fatalf("after %q: the transfer is %s and %s", h.at, st, s)
			}
			st = s
		}
	}
	if st == "" {
		h.t.Fatalf("after %q: the transfer is in no state", h.at)
	}
	return st, h.store.Dir(st, one)
}

// inbox says whether the transfer is in the inbox, all of it; nothing but it, those that came later and stagings may be there. let has what the log
// tells was let in.
func (h *killed) inbox(let map[string]bool) bool {
	h.t.Helper()
	inbox, in := filepath.Join(h.high, "inbox"), false
	entries, err := os.ReadDir(inbox)
	h.must(err)
	for _, e := range entries {
		switch name := e.Name(); {
		case let[name] && name != checktest.Tree()[0].Path:
			if data, err := os.ReadFile(filepath.Join(inbox, name)); err != nil || string(data) != laterData {
				h.t.Fatalf("after %q: %q has %q: %v", h.at, name, data, err)
			}
		case let[name]:
			h.must(checktest.Diff(inbox, checktest.Tree()))
			in = true
		case strings.HasPrefix(name, ".pawl-"):
			info, err := e.Info()
			h.must(err)
			if !info.IsDir() || info.Mode().Perm() != 0o700 {
				h.t.Fatalf("after %q: staging %s is %v", h.at, name, info.Mode())
			}
		default:
			h.t.Fatalf("after %q: %q is in the inbox, and the log does not tell of it", h.at, name)
		}
	}
	return in
}

// log verifies the audit log, and gives its entries about the transfer and the names that were let into the inbox.
func (h *killed) log() (about []*audit.Entry, let map[string]bool) {
	h.t.Helper()
	let = map[string]bool{}
	at, err := audit.Verify(os.DirFS(filepath.Join(h.high, "audit")), h.auditKey.Public(), h.kept, func(_ int64, e *audit.Entry) error {
		if e.Body().About() == one.String() {
			about = append(about, e)
		}
		if e.Release != nil {
			let[e.Release.Name] = true
		}
		return nil
	})
	if errors.Is(err, merkle.ErrEmpty) && len(h.kept) == 0 {
		return nil, nil // killed before its first checkpoint
	}
	h.must(err)
	h.kept = append(h.kept, at.Checkpoint)
	return about, let
}

// judge holds what is on the disk to what must be true at any instant.
func (h *killed) judge() {
	h.t.Helper()
	st, dir := h.state()
	entries, let := h.log()
	in := h.inbox(let)
	told := func(what string, is func(*audit.Entry) bool) {
		h.t.Helper()
		if !slices.ContainsFunc(entries, is) {
			h.t.Fatalf("after %q: %s, it is %s, and the log does not tell of it", h.at, what, st)
		}
	}
	if st != quarantine.Complete {
		told("state", func(e *audit.Entry) bool { return e.State != nil && e.State.To == string(st) })
		events, err := h.store.History(one, st)
		h.must(err)
		if !slices.ContainsFunc(events, func(e quarantine.Event) bool { return e.To == st && e.From != st }) {
			h.t.Fatalf("after %q: it is %s without a line of history", h.at, st)
		}
	}
	if in && st != quarantine.Checking && st != quarantine.Released || !in && st == quarantine.Released {
		h.t.Fatalf("after %q: it is %s, in the inbox: %v", h.at, st, in)
	}
	files, err := os.ReadDir(dir)
	h.must(err)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		h.must(err)
		sum := sha256.Sum256(data)
		digest := hex.EncodeToString(sum[:])
		switch {
		case f.Name() == "verdict.json":
			told(f.Name(), func(e *audit.Entry) bool { return e.Verdict != nil && e.Verdict.File == digest })
		case strings.HasPrefix(f.Name(), "decision-"):
			told(f.Name(), func(e *audit.Entry) bool {
				return e.Approval != nil && e.Approval.File == digest || e.Revocation != nil && e.Revocation.File == digest || e.Rejection != nil && e.Rejection.File == digest
			})
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, quarantine.ContentFile)); errors.Is(err, fs.ErrNotExist) {
		told("without content", func(e *audit.Entry) bool { return e.Removal != nil })
	}
}

// is says whether an act has come to what it was for.
func (h *killed) is(a act) bool {
	st, dir := h.state()
	return st == a.want && (a.done == nil || a.done(dir))
}

// ends holds what is there at the end of an act to what must be then, and the evidence of what is settled for good.
func (h *killed) ends(a act) {
	h.t.Helper()
	st, dir := h.state()
	if !h.is(a) {
		h.t.Fatalf("after %q: in the end it is %s, not %s with everything that belongs to it", h.at, st, a.want)
	}
	if _, err := os.Lstat(filepath.Join(h.high, "inbox", ".pawl-"+one.String())); !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatalf("after %q: a staging is left: %v", h.at, err)
	}
	_, err := os.Lstat(filepath.Join(dir, quarantine.ContentFile))
	if errors.Is(err, fs.ErrNotExist) != (st == quarantine.Released) {
		h.t.Fatalf("after %q: %s, its content: %v", h.at, st, err)
	}
	if st != quarantine.Held {
		h.proves(st)
	}
}

// proves has the program make the evidence, and verifies it.
func (h *killed) proves(st quarantine.State) {
	h.t.Helper()
	out := filepath.Join(h.keys, "evidence.zip")
	defer os.Remove(out)
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "pawl-release", "evidence", one.String(), "-c", filepath.Join(h.keys, "c.toml"), "-o", out)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("after %q: evidence: %v\n%s", h.at, err, said)
	}
	pack, err := os.ReadFile(out)
	h.must(err)
	e, err := audit.VerifyPack(bytes.NewReader(pack), int64(len(pack)), h.auditKey.Public())
	h.must(err)
	if e.Outcome != string(st) {
		h.t.Fatalf("after %q: evidence of a transfer that is %s, not %s", h.at, e.Outcome, st)
	}
}
