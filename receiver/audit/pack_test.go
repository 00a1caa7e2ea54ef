package audit_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"testing"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/seal"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// many is a log in which one released transfer has its entries among those of others.
type many struct {
	store   *merkletest.Store
	key     *merkle.Key
	view    *merkle.View
	id      string
	sender  *seal.SenderKey
	objects audit.Objects
}

// history is what the log tells of a transfer that is released.
func history(id string, sender *seal.SenderKey, o checktest.Objects, files int) []audit.Entry {
	body := sha256.Sum256(o.Proof[:len(o.Proof)-66]) // before the signature
	plan, proof := fmt.Sprintf("%x", sha256.Sum256(o.Plan)), fmt.Sprintf("%x", body)
	verdict := fmt.Sprintf("%x", sha256.Sum256([]byte(verdictText)))
	return []audit.Entry{
		{State: &audit.State{Transfer: id, From: "complete", To: "checking"}},
		{Verdict: &audit.Verdict{Transfer: id, Pass: true, Proof: proof, File: verdict}},
		{Release: &audit.Release{Transfer: id, Name: "tree", Inbox: "/in", Plan: plan, Proof: proof, Files: uint64(files),
			Bytes: uint64(len(o.Content)), Approvals: []string{"policy"}, Sender: sender.Public().String()}},
		{State: &audit.State{Transfer: id, From: "checking", To: "released"}},
	}
}

const verdictText = `{"pass":true}`

// newMany makes a log of size entries; those of the transfer lie apart.
func newMany(t testing.TB, size int) *many {
	t.Helper()
	return newManyOf(t, size, merkletest.Key(t, origin), checktest.Key(t))
}

func newManyOf(t testing.TB, size int, key *merkle.Key, sender *seal.SenderKey) *many {
	t.Helper()
	qid := quarantine.ID{Channel: 3, Transfer: 0xabc}
	m := &many{store: merkletest.NewStore(), key: key, id: qid.String(), sender: sender}
	tree := checktest.Tree()
	files := 0
	for _, e := range tree {
		if !e.Dir {
			files++
		}
	}
	o := checktest.Build(t, qid, m.sender, tree)
	m.objects = audit.Objects{audit.PackPlan: o.Plan, audit.PackProof: o.Proof, audit.PackVerdict: []byte(verdictText)}
	w, _, err := merkle.NewWriter(m.store, m.key)
	if err != nil {
		t.Fatal(err)
	}
	ours := history(m.id, m.sender, o, files)
	var batch [][]byte
	for i := range size {
		e := audit.Entry{State: move(i)}
		if i%(size/8) == size/16 && len(ours) > 0 {
			e, ours = ours[0], ours[1:]
		}
		e.When, e.By = clock(), "pawl-release"
		if batch = append(batch, encode(t, &e)); len(batch) == 4096 || i == size-1 {
			if _, err := w.Append(batch...); err != nil {
				t.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	if m.view, err = merkle.OpenView(m.store.FS(), m.key.Public()); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *many) pack(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := audit.WritePack(&out, m.view, m.key, m.sender.Public(), m.id, m.objects); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func verifyPack(data []byte, key merkle.Public) (*audit.Evidence, error) {
	return audit.VerifyPack(bytes.NewReader(data), int64(len(data)), key)
}

// TestOneOfAHundredThousand: the pack of one transfer among 100,000 entries is small, and says what it must.
func TestOneOfAHundredThousand(t *testing.T) {
	size := 100_000
	if testing.Short() {
		size = 5_000
	}
	m := newMany(t, size)
	data := m.pack(t)
	e, err := verifyPack(data, m.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pack of %d bytes out of a log of %d entries", len(data), size)
	if len(data) > 16<<10 {
		t.Errorf("a pack of %d bytes is not small", len(data))
	}
	if e.Outcome != "released" || e.Name != "tree" || e.Transfer != m.id || len(e.Entries) != 4 || e.Checkpoint.Size != int64(size) || e.Sender != m.sender.Public() {
		t.Errorf("%+v", e)
	}
	if _, err := audit.WritePack(io.Discard, m.view, m.key, m.sender.Public(), "9-00000000000000ff", m.objects); !errors.Is(err, audit.ErrPack) {
		t.Errorf("evidence of a transfer that the log does not know: %v", err)
	}
}

func BenchmarkVerifyOneOfAHundredThousand(b *testing.B) {
	m := newMany(b, 100_000)
	data := m.pack(b)
	for b.Loop() {
		if _, err := verifyPack(data, m.key.Public()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data)), "pack-bytes")
}

func BenchmarkPackOneOfAHundredThousand(b *testing.B) {
	m := newMany(b, 100_000)
	for b.Loop() {
		m.pack(b)
	}
}

// unzip takes a pack apart; rezip puts one together.
func unzip(t testing.TB, data []byte) (names []string, files map[string][]byte) {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.Name)
	}
	return names, files
}

func rezip(t testing.TB, names []string, files map[string][]byte) []byte {
	t.Helper()
	return rezipWith(t, names, files, func(_ *zip.FileHeader, packed []byte) []byte { return packed })
}

var squeeze, _ = flate.NewWriter(nil, flate.BestSpeed) // the level is a good one

// rezipWith lets change have its way with each member.
func rezipWith(t testing.TB, names []string, files map[string][]byte, change func(h *zip.FileHeader, packed []byte) []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		var small bytes.Buffer
		squeeze.Reset(&small) // a new one for each of a hundred thousand members would be most of the test's work
		_, err := squeeze.Write(files[name])
		if err := errors.Join(err, squeeze.Close()); err != nil {
			t.Fatal(err)
		}
		//lint:ignore SA1019 as in zip.go
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, ReaderVersion: 20, CRC32: crc32.ChecksumIEEE(files[name]), ModifiedDate: 1<<5 | 1,
			CompressedSize64: uint64(small.Len()), UncompressedSize64: uint64(len(files[name]))}
		packed := change(h, small.Bytes())
		f, err := w.CreateRaw(h)
		if err == nil {
			_, err = f.Write(packed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestEveryOctetCounts: a pack in which any octet of any file is another is refused, and so is one that lacks a file, has one
// more, or has them in another order.
func TestEveryOctetCounts(t *testing.T) {
	m := newMany(t, 1000)
	names, files := unzip(t, m.pack(t))
	if _, err := verifyPack(rezip(t, names, files), m.key.Public()); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, names []string, files map[string][]byte) {
		if _, err := verifyPack(rezip(t, names, files), m.key.Public()); !errors.Is(err, audit.ErrPack) {
			t.Errorf("%s: %v", what, err)
		}
	}
	with := func(name string, data []byte) map[string][]byte {
		changed := map[string][]byte{name: data}
		for n, d := range files {
			if n != name {
				changed[n] = d
			}
		}
		return changed
	}
	for i, name := range names {
		step := 1
		if testing.Short() {
			step = 37
		}
		for at := 0; at < len(files[name]); at += step {
			data := bytes.Clone(files[name])
			data[at] ^= 1 << (at % 8)
			refused(fmt.Sprintf("%s, octet %d", name, at), names, with(name, data))
		}
		refused("longer "+name, names, with(name, append(bytes.Clone(files[name]), '\n')))
		refused("empty "+name, names, with(name, nil))
		without := append(append([]string{}, names[:i]...), names[i+1:]...)
		refused("no "+name, without, files)
		refused("twice "+name, append(append([]string{}, names...), name), files)
	}
	refused("another order", append(append([]string{}, names[1:]...), names[0]), files)
	refused("a file more", append(append([]string{}, names...), "../x"), with("../x", []byte("x")))
	if _, err := verifyPack(rezip(t, names, files), merkletest.Key(t, origin).Public()); !errors.Is(err, merkle.ErrSigned) {
		t.Errorf("another key of the same name: %v", err)
	}
}

// TestMutatedPack: what somebody changes who can sign everything but the log (the statement's envelope is re-made with a key of
// the attacker's), and what he swaps for the same parts of another transfer or log.
func TestMutatedPack(t *testing.T) {
	m, other := newMany(t, 1000), newMany(t, 1000)
	names, files := unzip(t, m.pack(t))
	_, theirs := unzip(t, other.pack(t))
	text := func(name, from, to string) map[string][]byte {
		if !bytes.Contains(files[name], []byte(from)) {
			t.Fatalf("%s has no %q", name, from)
		}
		return map[string][]byte{name: bytes.Replace(files[name], []byte(from), []byte(to), 1)}
	}
	for what, change := range map[string]map[string][]byte{
		"name of the transfer":    text("entries.json", `\"name\":\"tree\"`, `\"name\":\"free\"`),
		"inbox":                   text("entries.json", `/in`, `/im`),
		"approvals":               text("entries.json", `[\"policy\"]`, `[\"alice\"]`),
		"bytes":                   text("entries.json", `\"bytes\":`, `\"bytes\":1`),
		"time":                    text("entries.json", `2026-11-23T12`, `2026-11-23T13`),
		"who":                     text("entries.json", `\"by\":\"pawl-release\"`, `\"by\":\"pawl-releasf\"`),
		"index":                   text("entries.json", `"index":62`, `"index":63`),
		"reason made up":          text("entries.json", `\"to\":\"checking\"`, `\"reason\":\"x\",\"to\":\"checking\"`),
		"unknown field":           text("entries.json", `"index":62`, `"index":62,"indey":1`),
		"size of the log":         text("checkpoint", "\n1000\n", "\n1001\n"),
		"checkpoint of another":   {"checkpoint": theirs["checkpoint"]},
		"entries of another":      {"entries.json": theirs["entries.json"]},
		"statement of another":    {"statement.dsse.json": theirs["statement.dsse.json"]},
		"proof of another":        {"proof": theirs["proof"]},
		"plan of another":         {"plan": theirs["plan"][:10]},
		"verdict made up":         {"verdict.json": []byte(`{"pass":false}`)},
		"decisions made up":       {"decisions.json": []byte(`[]]`)},
		"nobody's decision":       {"decisions.json": []byte(`["{}"]`)},
		"signature of another":    text("statement.dsse.json", `"sig":"`, `"sig":"AAAA`),
		"statement re-signed":     {"statement.dsse.json": resign(t, files["statement.dsse.json"], m.key, merkletest.Key(t, origin), "", "")},
		"subject changed":         {"statement.dsse.json": resign(t, files["statement.dsse.json"], m.key, m.key, "tree/a.b", "tree/a.c")},
		"outcome changed":         {"statement.dsse.json": resign(t, files["statement.dsse.json"], m.key, m.key, `"outcome":"released"`, `"outcome":"rejected"`)},
		"predicate type changed":  {"statement.dsse.json": resign(t, files["statement.dsse.json"], m.key, m.key, "urn:pawl", "urn:pawn")},
		"everything from another": theirs,
	} {
		all := map[string][]byte{}
		for _, name := range append(names, "decisions.json") {
			if data, there := change[name]; there {
				all[name] = data
			} else if data, there := files[name]; there {
				all[name] = data
			}
		}
		order := names
		if len(all) > len(names) {
			order = append(append([]string{}, names...), "decisions.json")
		}
		if _, err := verifyPack(rezip(t, order, all), m.key.Public()); !errors.Is(err, audit.ErrPack) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
