package check_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"testing"

	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/check"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

var id = quarantine.ID{Channel: 3, Transfer: 0x019a2b3c4d5e6f70}

func rules(key *seal.SenderKey) check.Rules { return check.Rules{Sender: key.Public()} }

// memory is a sink that keeps what it gets.
type memory struct {
	name    string
	entries []framing.Entry
	files   []*bytes.Buffer
	closed  int
	err     error // what File answers
}

type memoryFile struct {
	*bytes.Buffer
	m *memory
}

func (f memoryFile) Close() error { f.m.closed++; return nil }

func (m *memory) Begin(head framing.PlanHead) error { m.name = head.Name; return nil }

func (m *memory) Dir(e framing.Entry) error {
	m.entries, m.files = append(m.entries, e), append(m.files, nil)
	return nil
}

func (m *memory) File(e framing.Entry) (io.WriteCloser, error) {
	b := new(bytes.Buffer)
	m.entries, m.files = append(m.entries, e), append(m.files, b)
	return memoryFile{b, m}, m.err
}

func TestVerifyGivesTheSinkEverything(t *testing.T) {
	key, dir, tree := checktest.Key(t), t.TempDir(), checktest.Tree()
	checktest.Build(t, id, key, tree).Write(t, dir)
	sink := new(memory)
	pass, err := check.Verify(t.Context(), dir, id, rules(key), sink)
	if err != nil {
		t.Fatal(err)
	}
	if !pass.Proves(id, sink) || pass.Name() != "tree" || pass.ID() != id || sink.name != "tree" {
		t.Errorf("pass %+v", pass)
	}
	if len(sink.entries) != len(tree) {
		t.Fatalf("%d entries, want %d", len(sink.entries), len(tree))
	}
	want := map[string]checktest.Entry{}
	for _, e := range tree {
		want[e.Path] = e
	}
	for i, e := range sink.entries {
		w := want[e.Path]
		if e.Dir != w.Dir || e.Exec != w.Exec || e.ModTime != w.ModTime {
			t.Errorf("entry %+v, want %+v", e, w)
		}
		if !e.Dir && !bytes.Equal(sink.files[i].Bytes(), w.Data) {
			t.Errorf("%q: wrong bytes", e.Path)
		}
	}
	dry, err := check.Verify(t.Context(), dir, id, rules(key), nil)
	if err != nil || dry.Body() != pass.Body() {
		t.Errorf("dry run: %v, %v", dry, err)
	}
	body, err := check.ProofBody(dir)
	if err != nil || body != pass.Body() {
		t.Errorf("ProofBody = %x, %v", body, err)
	}
}

func TestPassProvesOnlyItsOwn(t *testing.T) {
	key, dir := checktest.Key(t), t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	sink := new(memory)
	pass, err := check.Verify(t.Context(), dir, id, rules(key), sink)
	if err != nil {
		t.Fatal(err)
	}
	dry, err := check.Verify(t.Context(), dir, id, rules(key), nil)
	if err != nil {
		t.Fatal(err)
	}
	other := quarantine.ID{Channel: 3, Transfer: 9}
	switch {
	case check.Pass{}.Valid() || check.Pass{}.Proves(quarantine.ID{}, sink) || check.Pass{}.Proves(quarantine.ID{}, nil):
		t.Error("the zero pass proves something")
	case pass.Proves(other, sink):
		t.Error("a pass proves another transfer")
	case pass.Proves(id, new(memory)):
		t.Error("a pass proves another sink")
	case dry.Proves(id, sink) || dry.Proves(id, nil):
		t.Error("a dry run proves a sink")
	}
}

func TestVerifyOddTransfers(t *testing.T) {
	deep := []checktest.Entry{{Path: "d", Dir: true}}
	for range 126 {
		deep = append(deep, checktest.Entry{Path: deep[len(deep)-1].Path + "/d", Dir: true})
	}
	cases := map[string][]checktest.Entry{
		"one file":    {{Path: "f", Data: []byte("x")}},
		"empty file":  {{Path: "f"}},
		"empty tree":  {{Path: "d", Dir: true}},
		"deep tree":   append(deep, checktest.Entry{Path: deep[len(deep)-1].Path + "/f", Data: []byte("down")}),
		"only empty":  {{Path: "d", Dir: true}, {Path: "d/a"}, {Path: "d/b"}},
		"tail empty":  {{Path: "d", Dir: true}, {Path: "d/a", Data: []byte("x")}, {Path: "d/b"}},
		"exact chunk": {{Path: "f", Data: make([]byte, 512<<10)}},
	}
	for name, entries := range cases {
		t.Run(name, func(t *testing.T) {
			key, dir := checktest.Key(t), t.TempDir()
			checktest.Build(t, id, key, entries).Write(t, dir)
			if _, err := check.Verify(t.Context(), dir, id, rules(key), new(memory)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMillionEntriesInConstantMemory checks a plan of a million empty files.
func TestMillionEntriesInConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a million entries")
	}
	const files = 1_000_000
	key, dir := checktest.Key(t), t.TempDir()
	plan, err := framing.AppendPlanHead(nil, &framing.PlanHead{Channel: id.Channel, Transfer: id.Transfer, Name: "m", Entries: files + 1})
	if err != nil {
		t.Fatal(err)
	}
	plan, _ = framing.AppendEntry(plan, &framing.Entry{Path: "m", Dir: true})
	for i := range files {
		if plan, err = framing.AppendEntry(plan, &framing.Entry{Path: fmt.Sprintf("m/%07d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	digests := make([][32]byte, files)
	for i := range digests {
		digests[i] = sha256.Sum256(nil)
	}
	objects := checktest.Objects{Plan: plan, Proof: checktest.Prove(t, key, framing.ProofHead{Channel: id.Channel, Transfer: id.Transfer,
		PlanSize: uint64(len(plan)), PlanDigest: sha256.Sum256(plan)}, digests)}
	objects.Write(t, dir)
	plan, digests, objects = nil, nil, checktest.Objects{}
	runtime.GC()
	peak := new(peakSink)
	runtime.ReadMemStats(&peak.stats)
	before := peak.stats.HeapAlloc
	if _, err := check.Verify(t.Context(), dir, id, rules(key), peak); err != nil {
		t.Fatal(err)
	}
	if peak.entries != files+1 {
		t.Errorf("%d entries", peak.entries)
	}
	if grown := int64(peak.most) - int64(before); grown > 16<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
}

// peakSink asks for the heap in use every so many entries, after a collection.
type peakSink struct {
	entries int
	most    uint64
	stats   runtime.MemStats
}

func (p *peakSink) Begin(framing.PlanHead) error { return nil }

func (p *peakSink) Dir(framing.Entry) error {
	if p.entries++; p.entries%200_000 == 0 {
		runtime.GC()
		runtime.ReadMemStats(&p.stats)
		p.most = max(p.most, p.stats.HeapAlloc)
	}
	return nil
}

func (p *peakSink) File(e framing.Entry) (io.WriteCloser, error) { return discard{}, p.Dir(e) }

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

func TestLookAt(t *testing.T) {
	key, dir := checktest.Key(t), t.TempDir()
	checktest.Build(t, id, key, checktest.Tree()).Write(t, dir)
	look, err := check.LookAt(dir)
	if err != nil || look.Plan == nil || look.Proof == nil || look.Plan.Name != "tree" || look.Proof.Files != 6 {
		t.Fatalf("look %+v, %v", look, err)
	}
	n := 0
	for e, err := range check.Entries(dir) {
		if err != nil || e.Path == "" {
			t.Fatal(e, err)
		}
		n++
	}
	if n != len(checktest.Tree()) {
		t.Errorf("%d entries", n)
	}
	if look, err := check.LookAt(t.TempDir()); err != nil || look != (check.Look{}) {
		t.Errorf("empty folder: %+v, %v", look, err)
	}
}
