package release

import (
	"bytes"
	"os"
	"path/filepath"

	"pawl/framing/merkle"
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
