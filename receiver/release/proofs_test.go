package release

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"pawl/receiver/audit"
	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

func TestReleaseRefusesWrongProofs(t *testing.T) {
	h := build(t, true)
	h.put(t, id, checktest.Build(t, id, h.key, checktest.Tree()))
	dir := h.store.Dir(quarantine.Complete, id)
	in, err := openInbox(h.inbox)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	stage, err := newStage(in, id, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer stage.close()
	rules := check.Rules{Sender: h.key.Public()}
	pass, err := check.Verify(t.Context(), dir, id, rules, stage)
	if err != nil {
		t.Fatal(err)
	}
	dry, err := check.Verify(t.Context(), dir, id, rules, nil)
	if err != nil {
		t.Fatal(err)
	}
	j := &job{Gate: h.gate, id: id, channel: h.gate.channels[id.Channel], state: quarantine.Complete}
	yes, _, err := j.approve(pass)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := j.approve(check.Pass{})
	if err != nil {
		t.Fatal(err)
	}
	strict := *j
	strict.channel.Release = Two
	none, wait, err := strict.approve(pass)
	if err != nil || wait != "waits for approval: 0 of 2" {
		t.Fatal(wait, err)
	}
	forged := yes
	forged.body[0] ^= 1
	told, err := j.enterRelease(in.path, pass, yes)
	if err != nil {
		t.Fatal(err)
	}
	j.id.Transfer++
	if err := os.Mkdir(j.dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	another, err := j.enterRelease(in.path, pass, yes)
	if err != nil {
		t.Fatal(err)
	}
	state, err := h.gate.Enter(&audit.State{Transfer: id.String(), From: "checking", To: "released"})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := *in
	elsewhere.path += "2"
	j.id.Transfer--
	moved, err := j.enterRelease(elsewhere.path, pass, yes)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pass     check.Pass
		approval Approval
		receipt  audit.Receipt
		want     error
	}{
		"zero pass":             {check.Pass{}, yes, told, ErrPass},
		"pass of a dry run":     {dry, yes, told, ErrPass},
		"zero approval":         {pass, Approval{}, told, ErrApproval},
		"approval of too few":   {pass, none, told, ErrApproval},
		"approval of no pass":   {pass, other, told, ErrApproval},
		"approval of another":   {pass, forged, told, ErrApproval},
		"neither pass nor word": {check.Pass{}, Approval{}, told, ErrPass},
		"zero receipt":          {pass, yes, audit.Receipt{}, ErrReceipt},
		"receipt of another":    {pass, yes, another, ErrReceipt},
		"receipt of a move":     {pass, yes, state, ErrReceipt},
		"receipt for elsewhere": {pass, yes, moved, ErrReceipt},
	} {
		if err := Release(dir, stage, c.pass, c.approval, c.receipt); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(h.inbox, "tree")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("released: %v", err)
	}
	if err := Release(dir, stage, pass, yes, told); err != nil {
		t.Fatal(err)
	}
	if err := diff(h.inbox, checktest.Tree()); err != nil {
		t.Error(err)
	}
}
