package audit

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"

	"pawl/framing/merkle"
	"pawl/framing/seal"
)

// ErrPack is wrapped by errors about an evidence pack that does not prove what it says.
var ErrPack = errors.New("evidence pack is not sound")

// Names in an evidence pack, in this order. Those of the objects are those in the quarantine.
const (
	packEntries    = "entries.json"
	packSources    = "sources.json"
	packCheckpoint = "checkpoint"
	packStatement  = "statement.dsse.json"
	PackPlan       = "plan"
	PackProof      = "proof"
	PackVerdict    = "verdict.json"
	PackDecisions  = "decisions.json"
)

// packFile is a file of a pack: its bound in octets, and whether every pack has it.
type packFile struct {
	name  string
	limit int64
	must  bool
}

// packFiles is what a pack holds, in this order. A plan of a million files takes some 50 MiB, its proof 34.
var packFiles = []packFile{
	{packCheckpoint, 16 << 10, true},
	{packEntries, 64 << 20, true},
	{packSources, 1 << 20, false},
	{packStatement, 16 << 20, true},
	{PackPlan, 128 << 20, false},
	{PackProof, 128 << 20, true},
	{PackVerdict, 1 << 20, false},
	{PackDecisions, 1 << 20, false},
}

// maxEntries bounds the entries of a pack: a transfer has some ten.
const maxEntries = 4096

// proved is an entry with its place in the log and the proof of that, as a pack holds it.
type proved struct {
	Index int64    `json:"index"`
	Entry string   `json:"entry"` // octets of the entry, which are text
	Proof []string `json:"proof"` // hashes from the leaf up, in base64
}

// Objects are the files of a transfer that go into its pack, by the names PackPlan to PackDecisions. PackProof must be
// there.
type Objects map[string][]byte

// PackLimit is the most octets that an object of a pack may have; 0 for a name that is none.
func PackLimit(name string) int64 {
	for _, f := range packFiles {
		if f.name == name {
			return f.limit
		}
	}
	return 0
}

// WritePack writes the evidence of one transfer: its objects, its entries in the log with a proof of each, the checkpoint that they are proved under,
// and a statement that is signed by the log's key. The statement names the files only when plan and proof are proved: signed by the sender, and what the
// last verdict is about. sender is the one configured; a release names its own. All is verified before the first octet is written: what can't be proved
// is an error that wraps [ErrPack], and nothing is written.
func WritePack(w io.Writer, view *merkle.View, key *merkle.Key, sender seal.SenderPublic, transfer string, objects Objects) (*Evidence, error) {
	if err := isTransfer(transfer); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	files := map[string][]byte{packCheckpoint: view.Checkpoint().Note()}
	for name, data := range objects {
		files[name] = data
	}
	evidence, err := fillPack(files, view, key, sender, transfer)
	var out bytes.Buffer
	if err == nil {
		err = writeZip(&out, files)
	}
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	_, err = w.Write(out.Bytes())
	return evidence, err
}

// fillPack adds entries and statement to the files of a pack, and verifies the whole.
func fillPack(files map[string][]byte, view *merkle.View, key *merkle.Key, sender seal.SenderPublic, transfer string) (*Evidence, error) {
	entries, sources, err := collect(view, transfer)
	if err != nil {
		return nil, err
	}
	if files[packEntries], err = merkle.AppendJSON(nil, entries); err != nil {
		return nil, err
	}
	if len(sources) > 0 {
		if files[packSources], err = merkle.AppendJSON(nil, sources); err != nil {
			return nil, err
		}
	}
	e, err := read(files, key.Public(), sender)
	if err != nil {
		return nil, err
	}
	body, err := e.statement(files)
	if err != nil {
		return nil, err
	}
	if files[packStatement], err = envelop(body, key); err != nil {
		return nil, err
	}
	return verify(files, key.Public())
}

// gathering is what collect finds on its way through the log.
type gathering struct {
	transfer string
	found    []proved
	latest   map[source]proved // policies and configurations by digest, the last of each
	sources  []proved          // of them those that the transfer's last release refers to
	released bool              // whether that came to its end
}

// collect finds the entries of a transfer, and those that its release refers to, and proves each.
func collect(view *merkle.View, transfer string) (entries, sources []proved, err error) {
	g := &gathering{transfer: transfer, latest: map[source]proved{}}
	mark, kinds := []byte(`"transfer":"`+transfer+`"`), kindIs("policy", "config")
	var wrong error
	err = view.Entries(0, func(index int64, data []byte) bool {
		if !bytes.Contains(data, mark) && !kinds(data) {
			return true // a text that looks like the mark has its quotes escaped
		}
		if wrong = g.add(index, data); wrong != nil {
			wrong = fmt.Errorf("entry %d: %w", index, wrong)
		}
		return wrong == nil && len(g.found) <= maxEntries
	})
	if err := errors.Join(err, wrong); err != nil {
		return nil, nil, err
	}
	switch {
	case len(g.found) == 0:
		return nil, nil, fmt.Errorf("%w: the log has nothing about it", ErrPack)
	case len(g.found) > maxEntries:
		return nil, nil, fmt.Errorf("%w: the log has more than %d entries about it", ErrPack, maxEntries)
	}
	if !g.released {
		g.sources = nil
	}
	return g.found, g.sources, errors.Join(prove(view, g.found), prove(view, g.sources))
}

func (g *gathering) add(index int64, data []byte) error {
	e, err := ParseEntry(data)
	if err != nil {
		return err
	}
	p := proved{Index: index, Entry: string(data)}
	if from := sourceOf(e); from.digest != "" {
		g.latest[from] = p
	}
	if e.Body().About() != g.transfer {
		return nil
	}
	g.found = append(g.found, p)
	switch {
	case e.Release != nil:
		g.sources = nil
		for _, s := range e.Release.sources() {
			if p, there := g.latest[s]; there {
				g.sources = append(g.sources, p)
			}
		}
		slices.SortFunc(g.sources, func(a, b proved) int { return cmp.Compare(a.Index, b.Index) })
	case e.State != nil:
		g.released = e.State.To == stateReleased
	}
	return nil
}

// prove makes the inclusion proof of each entry.
func prove(view *merkle.View, all []proved) error {
	for i := range all {
		hashes, err := view.Prove(all[i].Index)
		if err != nil {
			return err
		}
		all[i].Proof = make([]string, 0, len(hashes))
		for _, h := range hashes {
			all[i].Proof = append(all[i].Proof, base64.StdEncoding.EncodeToString(h[:]))
		}
	}
	return nil
}
