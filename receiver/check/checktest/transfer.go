// Package checktest makes transfers as an honest sender and pawl-receive leave them in the quarantine, for
// tests to use as they are or to damage.
package checktest

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// Entry is one entry of a transfer with its bytes.
type Entry struct {
	Path    string
	Dir     bool
	Data    []byte
	Exec    bool
	ModTime int64 // Unix nanoseconds
}

// Objects are the three objects of a transfer.
type Objects struct {
	Plan, Content, Proof []byte
}

// Key makes a sender's key.
func Key(t testing.TB) *seal.SenderKey {
	t.Helper()
	key, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Build makes the objects of transfer id. Entries are put in plan order; the first is the top.
func Build(t testing.TB, id quarantine.ID, key *seal.SenderKey, entries []Entry) Objects {
	t.Helper()
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int { return framing.ComparePaths(a.Path, b.Path) })
	var o Objects
	var digests [][32]byte
	var tail []byte
	var err error
	for _, e := range entries {
		entry := framing.Entry{Path: e.Path, Dir: e.Dir, Size: uint64(len(e.Data)), ModTime: e.ModTime, Exec: e.Exec}
		if tail, err = framing.AppendEntry(tail, &entry); err != nil {
			t.Fatal(err)
		}
		if !e.Dir {
			o.Content = append(o.Content, e.Data...)
			digests = append(digests, sha256.Sum256(e.Data))
		}
	}
	o.Plan, err = framing.AppendPlanHead(nil, &framing.PlanHead{
		Channel: id.Channel, Transfer: id.Transfer, Created: 1_700_000_000, Name: entries[0].Path,
		Entries: uint64(len(entries)), Content: uint64(len(o.Content)),
	})
	if err != nil {
		t.Fatal(err)
	}
	o.Plan = append(o.Plan, tail...)
	o.Proof = Prove(t, key, framing.ProofHead{
		Channel: id.Channel, Transfer: id.Transfer, PlanSize: uint64(len(o.Plan)), PlanDigest: sha256.Sum256(o.Plan),
		Content: uint64(len(o.Content)),
	}, digests)
	return o
}

// Abort makes what is left of a transfer that its sender gave up: a proof.
func Abort(t testing.TB, id quarantine.ID, key *seal.SenderKey, path, reason string) Objects {
	t.Helper()
	return Objects{Proof: Prove(t, key, framing.ProofHead{
		Channel: id.Channel, Transfer: id.Transfer, Aborted: true, PlanSize: 1, Path: path, Reason: reason,
	}, nil)}
}

// Prove makes a signed proof of a head and digests, whatever they say.
func Prove(t testing.TB, key *seal.SenderKey, head framing.ProofHead, digests [][32]byte) []byte {
	t.Helper()
	head.Files = uint64(len(digests))
	body, err := framing.AppendProofHead(nil, &head)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range digests {
		body = framing.AppendDigest(body, d)
	}
	return framing.AppendSignature(bytes.Clone(body), key.SignProof(sha256.Sum256(body)))
}

// Write puts the objects into folder dir. An object without bytes is absent, as pawl-receive leaves it.
func (o Objects) Write(t testing.TB, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{quarantine.PlanFile: o.Plan, quarantine.ContentFile: o.Content, quarantine.ProofFile: o.Proof} {
		if len(data) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Tree is a transfer with one of everything: nested and empty folders, empty, executable and odd-named files, a
// file of several reads, times before 1970 and with nanoseconds.
func Tree() []Entry {
	big := make([]byte, 700_001)
	for i := range big {
		big[i] = byte(i * 7 / 3)
	}
	const when = 1_234_567_890_123_456_789
	return []Entry{
		{Path: "tree", Dir: true, ModTime: when},
		{Path: "tree/a", Dir: true, ModTime: when + 1},
		{Path: "tree/a/b", Dir: true, ModTime: when + 2},
		{Path: "tree/a/b/deep.txt", Data: []byte("deep\n"), ModTime: when + 3},
		{Path: "tree/a/run.sh", Data: []byte("#!/bin/sh\n"), Exec: true, ModTime: when + 4},
		{Path: "tree/a.b", Data: []byte("sorts after a/"), ModTime: -1_000_000_001},
		{Path: "tree/big", Data: big, ModTime: when + 5},
		{Path: "tree/empty", ModTime: 0},
		{Path: "tree/none", Dir: true, ModTime: when + 6},
		{Path: "tree/Übung – ∑ 'q' $(x).txt", Data: []byte("odd"), ModTime: when + 7},
	}
}
