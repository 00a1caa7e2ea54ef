package check

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"time"

	"pawl/receiver/check/inside"
	"pawl/receiver/quarantine"
)

// Policy is what is asked of the content of a channel's transfers, beyond signature, digests and names. A rule that is nil is
// not asked. It is not changed while it is in use.
type Policy struct {
	// Best goes on, and says so in every verdict, where the kernel has no Landlock; otherwise checks that look into content say
	// "no" there.
	Best bool `json:"best"`
	// Checker is the hidden command of this program that children run: see [RunChecker].
	Checker string `json:"-"`

	Names    *NamesRule    `json:"names,omitempty"`
	Type     *TypeRule     `json:"type,omitempty"`
	Archive  *ArchiveRule  `json:"archive,omitempty"`
	JSON     *TextRule     `json:"json,omitempty"`
	XML      *TextRule     `json:"xml,omitempty"`
	Signed   *SignedRule   `json:"signed,omitempty"`
	Virus    *VirusRule    `json:"virus,omitempty"`
	Commands []CommandRule `json:"commands,omitempty"`
}

// Rule is what all rules have.
type Rule struct {
	// OnFail is where a "no" sends the transfer: held or rejected. A check that could not be made always holds it.
	OnFail quarantine.State `json:"on_fail"`
	// Files are patterns (path.Match, letters of either case) of the names of the files that are asked about; none: all.
	Files []string `json:"files,omitempty"`
	// Timeout is how long the check may take for one file, beside one second for every 4 MiB of it.
	Timeout time.Duration `json:"timeout"`
	// Memory is what the check's process may use, in octets.
	Memory uint64 `json:"memory,omitempty"`
}

// slowest is the throughput that a check is granted time for, in octets per second.
const slowest = 4 << 20

// budget is the time for one file.
func (r *Rule) budget(size uint64) time.Duration {
	return r.Timeout + time.Duration(size/slowest)*time.Second
}

// about says whether the rule asks about a file.
func (r *Rule) about(name string) bool {
	if len(r.Files) == 0 {
		return true
	}
	return fits(r.Files, strings.ToLower(path.Base(name)))
}

// ArchiveLimits bound what an archive may hold.
type ArchiveLimits = inside.ArchiveLimits

// ArchiveRule bounds what archives hold.
type ArchiveRule struct {
	Rule
	Limits ArchiveLimits `json:"limits"`
}

// TextRule asks for well-formed JSON or XML.
type TextRule struct {
	Rule
	Depth  int    `json:"depth"`            // how deep it may nest
	Size   int64  `json:"size"`             // octets of one file
	Schema string `json:"schema,omitempty"` // JSON: the text of a JSON Schema
}

// Digest is the SHA-256 of the policy in its one form, JSON with all defaults filled in, keys and schemas included. Two
// policies with the same digest ask the same.
func (p *Policy) Digest() [sha256.Size]byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain data
	}
	return sha256.Sum256(text)
}

// Checks lists the policy's checks by name, in the order in which they are asked.
func (p *Policy) Checks() []string {
	var all []string
	for _, a := range p.start(context.Background()) {
		all = append(all, fmt.Sprintf("%s (%s)", a.probe.Name(), a.rule.OnFail))
	}
	return all
}

// start makes the policy's checks for one transfer. Nothing runs before the first file.
func (p *Policy) start(ctx context.Context) []*asked {
	var all []*asked
	add := func(r *Rule, c probe) { all = append(all, &asked{rule: r, probe: c}) }
	child := func(r *Rule, job inside.Job) *child {
		job.Memory = r.Memory
		return &child{ctx: ctx, checker: p.Checker, best: p.Best, rule: r, job: job}
	}
	if r := p.Names; r != nil {
		add(&r.Rule, &limits{rule: r})
	}
	if r := p.Type; r != nil {
		c := child(&r.Rule, inside.Job{Kind: inside.Type})
		c.head, c.judge = inside.TypeHead, r.judge
		add(&r.Rule, c)
	}
	if r := p.Archive; r != nil {
		add(&r.Rule, child(&r.Rule, inside.Job{Kind: inside.Archive, Archive: r.Limits}))
	}
	if r := p.JSON; r != nil {
		add(&r.Rule, child(&r.Rule, inside.Job{Kind: inside.JSON, Depth: r.Depth, Size: r.Size, Schema: r.Schema}))
	}
	if r := p.XML; r != nil {
		add(&r.Rule, child(&r.Rule, inside.Job{Kind: inside.XML, Depth: r.Depth, Size: r.Size}))
	}
	if r := p.Signed; r != nil {
		add(&r.Rule, newSigned(r))
	}
	if r := p.Virus; r != nil {
		add(&r.Rule, &virus{ctx: ctx, rule: r})
	}
	for i := range p.Commands {
		r := &p.Commands[i]
		add(&r.Rule, &command{ctx: ctx, checker: p.Checker, best: p.Best, rule: r})
	}
	return all
}
