package release

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/receiver/audit"
)

// objects are those of the transfer's evidence, and the decisions among them.
func (h *house) objects() (audit.Objects, [][]byte, error) {
	st, err := h.store.Find(id)
	if err != nil {
		return nil, nil, err
	}
	o := audit.Objects{}
	for _, name := range []string{audit.PackPlan, audit.PackProof, audit.PackVerdict} {
		if o[name], err = os.ReadFile(filepath.Join(h.store.Dir(st, id), name)); err != nil {
			return nil, nil, err
		}
	}
	files, err := DecisionFiles(h.store.Dir(st, id))
	if err == nil && len(files) > 0 {
		o[audit.PackDecisions], err = audit.AppendDecisions(nil, files)
	}
	return o, files, err
}

// pack is the transfer's evidence.
func (h *house) pack(view *merkle.View, key *merkle.Key) ([]byte, error) {
	o, _, err := h.objects()
	if err != nil {
		return nil, err
	}
	var pack bytes.Buffer
	_, err = audit.WritePack(&pack, view, key, h.key.Public(), id.String(), o)
	return pack.Bytes(), err
}

// proves makes the transfer's evidence, which verifies itself, and holds it to the state that the transfer is in.
func (h *house) proves(t *testing.T, store *merkletest.Store, key *merkle.Key) {
	t.Helper()
	view, err := merkle.OpenView(store.FS(), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	pack, err := h.pack(view, key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := audit.VerifyPack(bytes.NewReader(pack), int64(len(pack)), key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if st, err := h.store.Find(id); err != nil || e.Outcome != string(st) {
		t.Errorf("evidence of %s, and it is %s: %v", e.Outcome, st, err)
	}
}
