package check

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// probe is a check of a policy: one that has an engine, and something to let go of.
type probe interface {
	Check
	// engine names what answers and its version, as far as it is known yet.
	engine() (name, version string)
	// close ends what runs; the probe may be asked again from the next file on.
	close()
}

// asked is a probe in the course of one transfer.
type asked struct {
	probe probe
	rule  *Rule
	skip  bool  // not about this file
	no    error // what it said about this file so far
	off   bool  // it said "no" about the transfer: there is nothing to add
	files uint64
}

// unable is the "no" of a check that could not be made: nothing is known of the content, so that the transfer is held for a person
// and not refused for good.
type unable struct{ err error }

func (u unable) Error() string { return u.err.Error() }
func (u unable) Unwrap() error { return u.err }

func cannot(format string, args ...any) error { return unable{fmt.Errorf(format, args...)} }

// Finding is what one check of a policy said.
type Finding struct {
	Check   string `json:"check"`
	OK      bool   `json:"ok"`
	Engine  string `json:"engine,omitempty"`
	Version string `json:"version,omitempty"`
	Files   uint64 `json:"files"`            // how many it was asked about
	Path    string `json:"path,omitempty"`   // "no": the file
	Reason  string `json:"reason,omitempty"` // "no": why
	SHA256  string `json:"sha256,omitempty"` // "no": digest of the file
}

// inspection is a policy being asked about one transfer. What a check says while a file goes by counts only at the file's
// end, once its digest is known to be right: damage of this disk must not pass for the sender's fault.
type inspection struct {
	ctx   context.Context
	asked []*asked
	all   bool // every file is asked about, also after a "no"
	dir   bool
	ended bool       // every check has seen everything
	noes  []*Verdict // in the order in which they were said
}

func inspect(ctx context.Context, p *Policy) *inspection {
	if p == nil {
		return nil
	}
	return &inspection{ctx: ctx, asked: p.start(ctx)}
}

func (in *inspection) entry(e *framing.Entry) {
	if in == nil {
		return
	}
	in.dir = e.Dir
	for _, a := range in.asked {
		a.skip, a.no = a.off || !e.Dir && !a.rule.about(e.Path), nil
		if a.skip {
			continue
		}
		if !e.Dir {
			a.files++
		}
		a.no = a.probe.Entry(e)
	}
}

func (in *inspection) content(p []byte) {
	if in == nil {
		return
	}
	for _, a := range in.asked {
		if !a.skip && a.no == nil {
			a.no = a.probe.Content(p)
		}
	}
}

// endEntry hears what the checks say of the entry. sum is the digest of a file that was proved. An error ends the inspection: the
// transfer is rejected, or ctx is over.
func (in *inspection) endEntry(path string, sum [32]byte) error {
	if in == nil {
		return nil
	}
	for _, a := range in.asked {
		if !a.skip && a.no == nil && !in.dir {
			a.no = a.probe.EndFile()
		}
		if a.skip || a.no == nil {
			continue
		}
		digest := ""
		if !in.dir {
			digest = hex.EncodeToString(sum[:])
		}
		if err := in.heard(a, path, digest); err != nil {
			return err
		}
	}
	return nil
}

// end asks for the last time, and gives the worst that was said.
func (in *inspection) end() error {
	if in == nil {
		return nil
	}
	for _, a := range in.asked {
		if a.off {
			continue
		}
		if a.no = a.probe.End(); a.no != nil {
			path := ""
			if named, ok := errors.AsType[pathError](a.no); ok {
				path = named.path
			}
			if err := in.heard(a, path, ""); err != nil {
				return err
			}
		}
	}
	in.ended = true
	if len(in.noes) == 0 || in.all {
		return nil
	}
	// What a check has against the transfer weighs more than what could not be asked.
	for _, v := range in.noes {
		if !v.Unable {
			return v
		}
	}
	return in.noes[0]
}

// pathError is a "no" at the end about an entry that went by.
type pathError struct {
	path string
	err  error
}

func (e pathError) Error() string { return e.err.Error() }

// heard notes a "no".
func (in *inspection) heard(a *asked, path, digest string) error {
	if err := in.ctx.Err(); err != nil {
		return err // whatever the check said, it said so because it was interrupted
	}
	if named, ok := errors.AsType[pathError](a.no); ok && named.path != path {
		path, digest = named.path, ""
	}
	v := &Verdict{Check: a.probe.Name(), Path: path, Reason: a.no.Error(), SHA256: digest, Outcome: a.rule.OnFail}
	v.Engine, v.Version = a.probe.engine()
	if _, ok := errors.AsType[unable](a.no); ok {
		v.Outcome, v.Unable = quarantine.Held, true
	}
	in.noes = append(in.noes, v)
	if in.all {
		return nil
	}
	a.off = true
	a.probe.close()
	if v.Outcome == quarantine.Rejected {
		return v
	}
	return nil
}

// findings is what was said, one for each check that has nothing against the transfer and one for each "no".
func (in *inspection) findings() []Finding {
	if in == nil {
		return nil
	}
	var all []Finding
	for _, a := range in.asked {
		said := false
		for _, v := range in.noes {
			if v.Check == a.probe.Name() {
				said = true
				all = append(all, Finding{Check: v.Check, Engine: v.Engine, Version: v.Version, Files: a.files, Path: v.Path, Reason: v.Reason, SHA256: v.SHA256})
			}
		}
		if !said && in.ended {
			f := Finding{Check: a.probe.Name(), OK: true, Files: a.files}
			f.Engine, f.Version = a.probe.engine()
			all = append(all, f)
		}
	}
	return all
}

func (in *inspection) close() {
	if in == nil {
		return
	}
	for _, a := range in.asked {
		a.probe.close()
	}
}
