package framing

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
)

// testKey signs the proofs of the vectors: seed 00 01 02 … 1f.
var testKey = func() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	return ed25519.NewKeyFromSeed(seed)
}()

var proofMessage = message{
	name: "proof",
	about: "Proof objects, signed with the Ed25519 key whose seed is 00 01 02 .. 1f; its public key is " +
		hex.EncodeToString(testKey.Public().(ed25519.PublicKey)) + ".",
	cases: proofCases,
	parse: func(octets []byte) (map[string]any, []byte, error) {
		fields, again, p, err := reencodeProof(octets)
		if err != nil {
			return nil, nil, err
		}
		digest, signature := p.BodyDigest(), p.Signature()
		if !ed25519.Verify(testKey.Public().(ed25519.PublicKey), ProofMessage(digest), signature[:]) {
			return nil, nil, errSignature
		}
		fields["body_digest"], fields["signature"] = fmt.Sprintf("%x", digest), fmt.Sprintf("%x", signature)
		return fields, again, nil
	},
}

// reencodeProof reads a proof without looking at its signature.
func reencodeProof(octets []byte) (map[string]any, []byte, *ProofReader, error) {
	p, err := NewProofReader(bytes.NewReader(octets))
	if err != nil {
		return nil, nil, nil, err
	}
	head := p.Head()
	fields := say(head)
	again, err := AppendProofHead(nil, &head)
	if err != nil {
		return nil, nil, nil, err
	}
	digests := []any{}
	for {
		d, err := p.Next()
		if err == io.EOF {
			fields["digests"] = digests
			return fields, AppendSignature(again, p.Signature()), p, nil
		} else if err != nil {
			return nil, nil, nil, err
		}
		digests = append(digests, fmt.Sprintf("%x", d))
		again = AppendDigest(again, d)
	}
}

// sign returns body with its signature.
func sign(body []byte) []byte {
	var signature [64]byte
	copy(signature[:], ed25519.Sign(testKey, ProofMessage(sha256.Sum256(body))))
	return AppendSignature(bytes.Clone(body), signature)
}

func proofCases(t testing.TB) []vectorCase {
	var cases []vectorCase
	add := func(class, name, about string, parts ...[]byte) {
		cases = append(cases, vectorCase{name, about, class, bytes.Join(parts, nil), false})
	}
	planDigest := sha256.Sum256([]byte("plan"))
	body := func(h *ProofHead) []byte {
		octets, err := AppendProofHead(nil, h)
		if err != nil {
			t.Fatal(err)
		}
		for i := range h.Files {
			octets = AppendDigest(octets, sha256.Sum256([]byte{byte(i)}))
		}
		return octets
	}
	whole := ProofHead{Channel: 1, Transfer: testTransfer, PlanSize: 99, PlanDigest: planDigest, Content: 1 << 30, Files: 3}
	aborted := ProofHead{
		Channel: 1, Transfer: testTransfer, Aborted: true, PlanSize: 99, PlanDigest: planDigest, Content: 7,
		Path: "tree/a/deep", Reason: "changed while it was read",
	}
	list := func(class, name string, i int, v any) {
		a := []any{"pawl-proof", 1, 1, 5, 1, 99, planDigest[:], 7, 0, "x", "y"}
		a[i] = v
		add(class, name, "", sign(testItem(t, a)))
	}
	good := sign(body(&whole))

	add("", "three files", "", good)
	add("", "no files", "a transfer of directories only", sign(body(&ProofHead{Channel: 65535, Transfer: 1, PlanSize: 1})))
	add("", "aborted", "", sign(body(&aborted)))
	add("", "aborted, no path", "", sign(body(&ProofHead{Channel: 1, Transfer: 1, Aborted: true, PlanSize: MaxLength, Reason: "outbox is gone"})))
	add("", "longest reason", "", sign(body(&ProofHead{Channel: 1, Transfer: 1, Aborted: true, PlanSize: 1, Reason: strings.Repeat("é", 512)})))

	add("size", "nothing", "")
	add("size", "head cut off", "", good[:20])
	add("size", "digest cut off", "", body(&whole)[:len(body(&whole))-1])
	add("size", "signature cut off", "", good[:len(good)-1])
	list("magic", "magic", 0, "pawl-plan")
	list("version", "version 2", 1, 2)
	list("field", "channel 0", 2, 0)
	list("field", "transfer 0", 3, 0)
	list("field", "status 2", 4, 2)
	list("field", "whole with a reason", 4, 0)
	list("field", "plan of 0", 5, 0)
	list("field", "plan too long", 5, uint64(1<<48))
	list("canonical", "plan digest of 31", 6, planDigest[:31])
	list("canonical", "plan digest of 33", 6, append(planDigest[:], 0))
	list("field", "content too long", 7, uint64(1<<48))
	list("field", "aborted with digests", 8, 1)
	list("name", "path is absolute", 9, "/x")
	list("field", "no reason", 10, "")
	list("field", "reason of 1025", 10, strings.Repeat("x", 1025))
	list("field", "reason with a line feed", 10, "a\nb")
	list("field", "reason that turns", 10, "a\u202eb")
	list("canonical", "channel 65536", 2, 65536)
	badItems(t, testItem(t, []any{"pawl-proof", 1, 1, 5, 1, 99, planDigest[:], 7, 0, "x", "y"}), func(name, about string, item []byte) {
		if !strings.HasPrefix(name, "last") { // the last element is a text here
			add("canonical", "head: "+name, about, sign(item))
		}
	})
	head := body(&ProofHead{Channel: 1, Transfer: 5, PlanSize: 9})
	add("canonical", "digest is a text", "", body(&whole)[:len(body(&whole))-34], []byte{0x78, 32}, make([]byte, 32), good[len(good)-66:])
	add("canonical", "signature in a digest's place", "a digest less than the head says", sign(body(&whole)[:len(body(&whole))-34]))
	add("canonical", "digest in the signature's place", "", head, AppendDigest(nil, planDigest), make([]byte, 32))
	add("canonical", "signature's length not shortest", "", head, []byte{0x59, 0, 64}, make([]byte, 64))
	add("count", "no digests", "", body(&whole)[:len(body(&whole))-3*34])
	add("count", "no signature", "", body(&whole))
	add("count", "an octet more", "", good, []byte{0})
	add("count", "signed twice", "", good, good[len(good)-66:])

	flipped := bytes.Clone(good)
	flipped[len(flipped)-70] ^= 1
	add("signature", "digest changed", "the form is right", flipped)
	flipped = bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	add("signature", "signature changed", "", flipped)
	add("signature", "signature of zeros", "", AppendSignature(head, [64]byte{}))
	return cases
}
