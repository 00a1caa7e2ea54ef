package sender

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"testing"

	"pawl/fec"
	"pawl/framing"
)

// rebuild is the naive receiver of one object: it collects what kept lets through into
// blocks, fills the holes and joins the blocks. All packets must agree on the geometry.
func rebuild(all []wirePacket, transfer uint64, object framing.Object, kept func(wirePacket) bool) ([]byte, error) {
	var first *framing.Header
	var part fec.Partition
	blocks := map[uint32][][]byte{}
	for _, p := range all {
		if p.h.Type != framing.TypeSymbol || p.h.Transfer != transfer || p.h.Object != object {
			continue
		}
		if first == nil {
			first = &p.h
			var err error
			if part, err = fec.NewPartition(p.h.Length, testT, int(p.h.MaxK)); err != nil {
				return nil, err
			}
		}
		if p.h.Length != first.Length || p.h.MaxK != first.MaxK || p.h.R != first.R || p.h.Code != first.Code || p.h.Channel != first.Channel {
			return nil, fmt.Errorf("geometry changed: %+v, %+v", *first, p.h)
		}
		k := part.K(p.h.Block)
		if k == 0 || int(p.h.ESI) >= k+int(p.h.R) {
			return nil, fmt.Errorf("no symbol %d.%d in the object", p.h.Block, p.h.ESI)
		}
		if blocks[p.h.Block] == nil {
			blocks[p.h.Block] = make([][]byte, k+int(p.h.R))
		}
		old := blocks[p.h.Block][p.h.ESI]
		if old != nil && !bytes.Equal(old, p.payload) {
			return nil, fmt.Errorf("symbol %d.%d came with other octets", p.h.Block, p.h.ESI)
		}
		if kept == nil || kept(p) {
			blocks[p.h.Block][p.h.ESI] = p.payload
		}
	}
	if first == nil {
		return nil, fmt.Errorf("no %v of transfer %x", object, transfer)
	}
	var codecs fec.Codecs
	var out []byte
	for sbn := range part.Blocks() {
		k := part.K(sbn)
		if blocks[sbn] == nil {
			return nil, fmt.Errorf("block %d never came", sbn)
		}
		if first.R > 0 {
			codec, err := codecs.Get(fec.Code(first.Code), k, int(first.R))
			if err != nil {
				return nil, err
			}
			if err := codec.Rebuild(blocks[sbn]); err != nil {
				return nil, err
			}
		}
		for _, s := range blocks[sbn][:k] {
			out = append(out, s...)
		}
	}
	if pad := out[first.Length:]; !bytes.Equal(pad, make([]byte, len(pad))) {
		return nil, errors.New("the object is not filled up with zeros")
	}
	return out[:first.Length], nil
}

// arrived is a transfer as the naive receiver has it.
type arrived struct {
	head    framing.PlanHead
	entries []framing.Entry
	files   map[string]string
	proof   framing.ProofHead
}

// receive rebuilds a transfer and holds plan, content and proof against each other.
func receive(t *testing.T, all []wirePacket, id uint64, kept func(wirePacket) bool) *arrived {
	t.Helper()
	a := &arrived{files: map[string]string{}}
	planBytes := must(rebuild(all, id, framing.ObjectPlan, kept))(t)
	plan := must(framing.NewPlanReader(bytes.NewReader(planBytes), framing.PlanLimits{}))(t)
	a.head = plan.Head()
	proof := readProof(t, all, id, kept, a)
	if a.proof.PlanDigest != sha256.Sum256(planBytes) || a.proof.PlanSize != uint64(len(planBytes)) {
		t.Error("the proof is of another plan")
	}
	var content []byte
	if a.head.Content > 0 && !a.proof.Aborted {
		content = must(rebuild(all, id, framing.ObjectContent, kept))(t)
	}
	for {
		e, err := plan.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		a.entries = append(a.entries, e)
		if e.Dir || a.proof.Aborted {
			continue
		}
		data := content[:e.Size]
		content = content[e.Size:]
		a.files[e.Path] = string(data)
		if len(proof) == 0 || proof[0] != sha256.Sum256(data) {
			t.Errorf("digest of %q is not in its place in the proof", e.Path)
			return a
		}
		proof = proof[1:]
	}
	if len(content) != 0 || len(proof) != 0 {
		t.Errorf("%d octets and %d digests belong to no file", len(content), len(proof))
	}
	return a
}

func readProof(t *testing.T, all []wirePacket, id uint64, kept func(wirePacket) bool, a *arrived) (digests [][32]byte) {
	t.Helper()
	proof := must(framing.NewProofReader(bytes.NewReader(must(rebuild(lastProof(all, id), id, framing.ObjectProof, kept))(t))))(t)
	a.proof = proof.Head()
	for {
		d, err := proof.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d)
	}
	if !keys().sender.Public().VerifyProof(proof.BodyDigest(), proof.Signature()) {
		t.Error("the proof's signature does not verify")
	}
	return digests
}

// lastProof leaves out proofs of another length than the last one: an abort replaces what
// an earlier pass has proved.
func lastProof(all []wirePacket, id uint64) (out []wirePacket) {
	length := uint64(0)
	for _, p := range transferOf(all, id) {
		if p.h.Object == framing.ObjectProof {
			length = p.h.Length
		}
	}
	for _, p := range transferOf(all, id) {
		if p.h.Object == framing.ObjectProof && p.h.Length == length {
			out = append(out, p)
		}
	}
	return out
}
