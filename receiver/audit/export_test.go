package audit

import (
	"io"

	"pawl/framing/merkle"
	"pawl/framing/seal"
)

// ForgePack is WritePack of somebody who has the log's key and asks nothing: what he signs need not be so.
func ForgePack(w io.Writer, view *merkle.View, key *merkle.Key, sender seal.SenderPublic, transfer string, objects Objects) error {
	files := map[string][]byte{packCheckpoint: view.Checkpoint().Note()}
	for name, data := range objects {
		files[name] = data
	}
	entries, sources, err := collect(view, transfer)
	if err != nil {
		return err
	}
	if files[packEntries], err = merkle.AppendJSON(nil, entries); err != nil {
		return err
	}
	if len(sources) > 0 {
		if files[packSources], err = merkle.AppendJSON(nil, sources); err != nil {
			return err
		}
	}
	e := &Evidence{Transfer: transfer, Sender: sender, Outcome: OutcomeUnknown}
	var verdict *Verdict
	for _, p := range entries {
		entry, err := ParseEntry([]byte(p.Entry))
		if err != nil {
			return err
		}
		if entry.State != nil {
			e.Outcome = entry.State.To
		}
		if entry.Verdict != nil {
			verdict = entry.Verdict
		}
	}
	e.content, e.Unproved = proveContent(files[PackPlan], files[PackProof], transfer, verdict, sender)
	body, err := e.statement(files)
	if err != nil {
		return err
	}
	if files[packStatement], err = envelop(body, key); err != nil {
		return err
	}
	return writeZip(w, files)
}

// Moves is the table of moves, to be held against quarantine's.
var Moves = moves
