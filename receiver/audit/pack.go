package audit

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"pawl/framing/merkle"
)

// ErrPack is wrapped by errors about an evidence pack that does not prove what it says.
var ErrPack = errors.New("evidence pack is not sound")

// Names in an evidence pack, in this order. Those of the objects are those in the quarantine.
const (
	packEntries    = "entries.json"
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

// WritePack writes the evidence of one transfer: its objects, its entries in the log with a proof of each, the checkpoint that they are
// proved under, and a statement about the files that is signed by the log's key. It is verified before the first
// octet is written: what can't be proved is an error that wraps [ErrPack], and nothing is written.
func WritePack(w io.Writer, view *merkle.View, key *merkle.Key, transfer string, objects Objects) (*Evidence, error) {
	if err := isTransfer(transfer); err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	entries, err := collect(view, transfer)
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	files := map[string][]byte{packCheckpoint: view.Checkpoint().Note()}
	for name, data := range objects {
		files[name] = data
	}
	if files[packEntries], err = merkle.AppendJSON(nil, entries); err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	body, err := statement(files)
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	if files[packStatement], err = envelop(body, key); err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	evidence, err := verify(files, key.Public())
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	var out bytes.Buffer
	if err := writeZip(&out, files); err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", transfer, err)
	}
	_, err = w.Write(out.Bytes())
	return evidence, err
}

// collect finds the entries of a transfer and proves each.
func collect(view *merkle.View, transfer string) ([]proved, error) {
	var found []proved
	var wrong error
	mark := []byte(`"transfer":"` + transfer + `"`)
	err := view.Entries(0, func(index int64, data []byte) bool {
		if !bytes.Contains(data, mark) {
			return true // a text that looks like the mark has its quotes escaped
		}
		e, err := ParseEntry(data)
		if err != nil {
			wrong = fmt.Errorf("entry %d: %w", index, err)
			return false
		}
		if e.Body().About() == transfer {
			found = append(found, proved{Index: index, Entry: string(data)})
		}
		return len(found) <= maxEntries
	})
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w: the log has nothing about it", ErrPack)
	case len(found) > maxEntries:
		return nil, fmt.Errorf("%w: the log has more than %d entries about it", ErrPack, maxEntries)
	}
	for i := range found {
		hashes, err := view.Prove(found[i].Index)
		if err != nil {
			return nil, err
		}
		found[i].Proof = make([]string, 0, len(hashes))
		for _, h := range hashes {
			found[i].Proof = append(found[i].Proof, base64.StdEncoding.EncodeToString(h[:]))
		}
	}
	return found, nil
}

func writeZip(w io.Writer, files map[string][]byte) error {
	out := zip.NewWriter(w)
	for _, f := range packFiles {
		data, there := files[f.name]
		if !there {
			continue
		}
		into, err := out.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		if _, err := into.Write(data); err != nil {
			return err
		}
	}
	return out.Close()
}

// readZip reads a pack's files: the known ones, each once, in order, within bounds, and nothing else.
func readZip(r io.ReaderAt, size int64) (map[string][]byte, error) {
	in, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: not a zip file: %w", ErrPack, err)
	}
	if in.Comment != "" || len(in.File) > len(packFiles) {
		return nil, fmt.Errorf("%w: it has a comment or too many files", ErrPack)
	}
	files, rest := map[string][]byte{}, packFiles
	for _, f := range in.File {
		for len(rest) > 0 && rest[0].name != f.Name && !rest[0].must {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0].name != f.Name {
			return nil, fmt.Errorf("%w: %.80q has no place there", ErrPack, f.Name)
		}
		if files[f.Name], err = readPacked(f, rest[0].limit); err != nil {
			return nil, err
		}
		rest = rest[1:]
	}
	for _, f := range rest {
		if f.must {
			return nil, fmt.Errorf("%w: %s is missing", ErrPack, f.name)
		}
	}
	return files, nil
}

func readPacked(f *zip.File, limit int64) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPack, f.Name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrPack, f.Name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: %s is larger than %d bytes", ErrPack, f.Name, limit)
	}
	return data, nil
}
