package check_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestVerifySaysNo is the table of what a hostile sender, a hostile pawl-receive and a bad disk can do.
func TestVerifySaysNo(t *testing.T) {
	key, other := checktest.Key(t), checktest.Key(t)
	otherID := quarantine.ID{Channel: id.Channel, Transfer: id.Transfer + 1}
	tree := checktest.Tree()
	prove := func(t *testing.T, o *checktest.Objects, change func(*framing.ProofHead), digests int) {
		head := framing.ProofHead{Channel: id.Channel, Transfer: id.Transfer, PlanSize: uint64(len(o.Plan)),
			PlanDigest: sha256.Sum256(o.Plan), Content: uint64(len(o.Content))}
		change(&head)
		o.Proof = checktest.Prove(t, key, head, make([][32]byte, digests))
	}
	cases := []struct {
		name  string
		spoil func(t *testing.T, o *checktest.Objects)
		check string
		to    quarantine.State
		text  string
	}{
		{"no proof", func(t *testing.T, o *checktest.Objects) { o.Proof = nil }, check.Signature, quarantine.Rejected, "no proof"},
		{"proof of another key", func(t *testing.T, o *checktest.Objects) { *o = checktest.Build(t, id, other, tree) },
			check.Signature, quarantine.Rejected, "not signed by the pinned sender"},
		{"signature flipped", func(t *testing.T, o *checktest.Objects) { o.Proof[len(o.Proof)-1] ^= 1 }, check.Signature, quarantine.Rejected, "not signed"},
		{"signature absent", func(t *testing.T, o *checktest.Objects) { o.Proof = o.Proof[:len(o.Proof)-66] }, check.Signature, quarantine.Rejected, ""},
		{"digest in the proof flipped", func(t *testing.T, o *checktest.Objects) { o.Proof[len(o.Proof)-80] ^= 1 }, check.Signature, quarantine.Rejected, ""},
		{"proof of another transfer", func(t *testing.T, o *checktest.Objects) { *o = checktest.Build(t, otherID, key, tree) },
			check.Signature, quarantine.Rejected, "the proof is of transfer " + otherID.String()},
		{"plan of another transfer", func(t *testing.T, o *checktest.Objects) {
			o.Plan = checktest.Build(t, otherID, key, tree).Plan
		}, check.Digest, quarantine.Held, "digest mismatch in the plan"},
		{"plan of another transfer, signed", func(t *testing.T, o *checktest.Objects) {
			o.Plan = checktest.Build(t, otherID, key, tree).Plan
			prove(t, o, func(*framing.ProofHead) {}, 6)
		}, check.Plan, quarantine.Rejected, "the plan is of transfer"},
		{"no plan", func(t *testing.T, o *checktest.Objects) { o.Plan = nil }, check.Plan, quarantine.Rejected, "no plan"},
		{"plan flipped", func(t *testing.T, o *checktest.Objects) { o.Plan[40] ^= 1 }, check.Digest, quarantine.Held, "digest mismatch in the plan"},
		{"plan cut", func(t *testing.T, o *checktest.Objects) { o.Plan = o.Plan[:len(o.Plan)-1] }, check.Digest, quarantine.Held, "plan of"},
		{"bad plan, signed", func(t *testing.T, o *checktest.Objects) {
			o.Plan = append(o.Plan, 0xf6)
			prove(t, o, func(*framing.ProofHead) {}, 6)
			o.Proof = nil
			o.Proof = whole(t, key, o, tree)
		}, check.Plan, quarantine.Rejected, "count"},
		{"path upwards, signed", func(t *testing.T, o *checktest.Objects) {
			o.Plan = bytes.Replace(o.Plan, []byte("tree/empty"), []byte("tree/../ab"), 1)
			o.Proof = whole(t, key, o, tree)
		}, check.Names, quarantine.Rejected, ".."},
		{"fewer digests than files", func(t *testing.T, o *checktest.Objects) { prove(t, o, func(*framing.ProofHead) {}, 0) },
			check.Plan, quarantine.Rejected, "more files in the plan than the 0"},
		{"more digests than entries", func(t *testing.T, o *checktest.Objects) { prove(t, o, func(*framing.ProofHead) {}, 99) },
			check.Plan, quarantine.Rejected, "99 files in the proof"},
		{"other content length", func(t *testing.T, o *checktest.Objects) {
			prove(t, o, func(h *framing.ProofHead) { h.Content++ }, 6)
		}, check.Plan, quarantine.Rejected, "bytes of content"},
		{"content flipped", func(t *testing.T, o *checktest.Objects) { o.Content[0] ^= 1 }, check.Digest, quarantine.Held, "tree/a/b/deep.txt: digest mismatch"},
		{"last byte flipped", func(t *testing.T, o *checktest.Objects) { o.Content[len(o.Content)-1] ^= 0x80 }, check.Digest, quarantine.Held, "digest mismatch"},
		{"content cut", func(t *testing.T, o *checktest.Objects) { o.Content = o.Content[:len(o.Content)-1] }, check.Digest, quarantine.Held, "bytes on disk"},
		{"content longer", func(t *testing.T, o *checktest.Objects) { o.Content = append(o.Content, 0) }, check.Digest, quarantine.Held, "bytes on disk"},
		{"no content", func(t *testing.T, o *checktest.Objects) { o.Content = nil }, check.Digest, quarantine.Held, "no content"},
		{"aborted", func(t *testing.T, o *checktest.Objects) {
			*o = checktest.Abort(t, id, key, "tree/x", "changed while it was read")
		},
			check.Aborted, quarantine.Rejected, "aborted by sender: tree/x: changed while it was read"},
		{"aborted by somebody else", func(t *testing.T, o *checktest.Objects) { *o = checktest.Abort(t, id, other, "", "ha") },
			check.Signature, quarantine.Rejected, "not signed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			objects := checktest.Build(t, id, key, tree)
			c.spoil(t, &objects)
			objects.Write(t, dir)
			for _, sink := range []check.Sink{nil, new(memory)} {
				pass, err := check.Verify(t.Context(), dir, id, rules(key), sink)
				verdict, ok := check.AsVerdict(err)
				if !ok || pass.Valid() {
					t.Fatalf("pass %t, error %v, want a verdict", pass.Valid(), err)
				}
				if verdict.Check != c.check || check.Weigh(verdict) != c.to || !strings.Contains(verdict.Error(), c.text) {
					t.Errorf("%v weighs %s, want %s with %q to weigh %s", verdict, check.Weigh(verdict), c.check, c.text, c.to)
				}
			}
		})
	}
}

// whole signs a proof for whatever o.Plan and o.Content are, with the digests of entries.
func whole(t *testing.T, key *seal.SenderKey, o *checktest.Objects, entries []checktest.Entry) []byte {
	var digests [][32]byte
	for _, e := range entries {
		if !e.Dir {
			digests = append(digests, sha256.Sum256(e.Data))
		}
	}
	return checktest.Prove(t, key, framing.ProofHead{Channel: id.Channel, Transfer: id.Transfer, PlanSize: uint64(len(o.Plan)),
		PlanDigest: sha256.Sum256(o.Plan), Content: uint64(len(o.Content))}, digests)
}

func TestVerifyReadsPlainFilesOnly(t *testing.T) {
	key := checktest.Key(t)
	for _, name := range []string{quarantine.PlanFile, quarantine.ContentFile, quarantine.ProofFile} {
		good, dir := t.TempDir(), t.TempDir()
		checktest.Build(t, id, key, checktest.Tree()).Write(t, good)
		checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
		for what, plant := range map[string]func(string) error{
			"link":   func(path string) error { return os.Symlink(filepath.Join(good, name), path) },
			"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		} {
			path := filepath.Join(dir, name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := plant(path); err != nil {
				t.Fatal(err)
			}
			_, err := check.Verify(t.Context(), dir, id, rules(key), nil)
			if _, ok := check.AsVerdict(err); !ok {
				t.Errorf("%s in place of %s: %v", what, name, err)
			}
		}
	}
}

func TestVerifyLimits(t *testing.T) {
	key, dir := checktest.Key(t), t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	for _, limits := range []framing.PlanLimits{{Entries: 9}, {Content: 700_000}} {
		r := rules(key)
		r.Limits = limits
		_, err := check.Verify(t.Context(), dir, id, r, nil)
		if verdict, ok := check.AsVerdict(err); !ok || verdict.Check != check.Plan || check.Weigh(verdict) != quarantine.Rejected {
			t.Errorf("%+v: %v", limits, err)
		}
	}
}

func TestFailuresAreNoVerdicts(t *testing.T) {
	key, dir := checktest.Key(t), t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	full := errors.New("disk full")
	_, err := check.Verify(t.Context(), dir, id, rules(key), &memory{err: full})
	if _, ok := check.AsVerdict(err); ok || !errors.Is(err, full) {
		t.Errorf("sick sink: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = check.Verify(ctx, dir, id, rules(key), nil)
	if _, ok := check.AsVerdict(err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// TestAnyFlippedBitIsFound flips one bit of one object anywhere.
func TestAnyFlippedBitIsFound(t *testing.T) {
	key := checktest.Key(t)
	entries := []checktest.Entry{{Path: "d", Dir: true, ModTime: 5}, {Path: "d/a", Data: []byte("some bytes"), ModTime: 1 << 60}, {Path: "d/b", Exec: true}}
	base := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		objects := checktest.Build(t, id, key, entries)
		object := rapid.SampledFrom([][]byte{objects.Plan, objects.Content, objects.Proof}).Draw(rt, "object")
		object[rapid.IntRange(0, len(object)-1).Draw(rt, "octet")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		dir := filepath.Join(base, "x")
		objects.Write(t, dir)
		if _, err := check.Verify(t.Context(), dir, id, rules(key), nil); err == nil {
			rt.Fatal("passed")
		} else if _, ok := check.AsVerdict(err); !ok {
			rt.Fatalf("no verdict: %v", err)
		}
	})
}
