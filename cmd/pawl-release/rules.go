package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"pawl/receiver/check"
	"pawl/receiver/check/inside"
)

// Each table makes its rule of a policy; one that is not there makes none.

func (t *namesTable) into(p *check.Policy) error {
	if t == nil {
		return nil
	}
	if t.MaxFiles < 0 || t.MaxDepth < 0 {
		return errors.New("max_files or max_depth is negative")
	}
	r, err := rule(t.OnFail, nil, 0, 0)
	if err != nil {
		return err
	}
	p.Names = &check.NamesRule{Rule: r, Allow: words(t.Allow), Deny: words(t.Deny), MaxFile: uint64(t.MaxFile), Most: uint64(t.MaxFiles), Depth: t.MaxDepth}
	return nil
}

func (t *typeTable) into(p *check.Policy) error {
	if t == nil {
		return nil
	}
	r, err := rule(t.OnFail, t.Files, t.Timeout, t.Memory)
	if err != nil {
		return err
	}
	if len(t.Allow) == 0 {
		return errors.New("allow is missing: list the media types that may pass, as `pawl-release try` names them")
	}
	p.Type = &check.TypeRule{Rule: r, Allow: words(t.Allow), Deny: words(t.Deny), AnyExtension: t.AnyExtension}
	return nil
}

func (t *archiveTable) into(p *check.Policy) error {
	if t == nil {
		return nil
	}
	r, err := rule(t.OnFail, t.Files, t.Timeout, t.Memory)
	if err != nil {
		return err
	}
	entries, err1 := positive("max_entries", t.MaxEntries, 10_000)
	depth, err2 := positive("max_depth", t.MaxDepth, 4)
	ratio, err3 := positive("max_ratio", t.MaxRatio, 200)
	total := uint64(t.MaxTotal)
	if total == 0 {
		total = 10 << 30
	}
	p.Archive = &check.ArchiveRule{Rule: r, Limits: inside.ArchiveLimits{
		Entries: uint64(entries), Depth: depth, Ratio: uint64(ratio), Total: total, Links: t.Links, Opaque: t.Unreadable,
	}}
	return errors.Join(err1, err2, err3, knownKinds(t.Unreadable))
}

func (t *textTable) rule(files pattern, dir string) (*check.TextRule, error) {
	if t == nil {
		return nil, nil
	}
	about := t.Files
	if len(about) == 0 {
		about = []pattern{files}
	}
	r, err := rule(t.OnFail, about, t.Timeout, t.Memory)
	if err != nil {
		return nil, err
	}
	out := &check.TextRule{Rule: r, Size: int64(t.MaxSize)}
	if out.Depth, err = positive("max_depth", t.MaxDepth, 64); err != nil {
		return nil, err
	}
	if t.MaxSize == 0 {
		out.Size = 16 << 20
	}
	if out.Size < 0 || uint64(out.Size) > r.Memory/4 {
		return nil, fmt.Errorf("max_size is more than a quarter of memory (%d bytes)", r.Memory)
	}
	switch {
	case t.Schema != "" && dir == "":
		return nil, errors.New("schema: there are schemas of JSON only; ask xmllint by a [[command]], as docs/checks.md shows")
	case t.Schema != "":
		out.Schema, err = schemaText(dir, t.Schema)
	}
	return out, err
}

func (t *signedTable) into(p *check.Policy) error {
	if t == nil {
		return nil
	}
	r, err := rule(t.OnFail, nil, 0, 0)
	if err != nil {
		return err
	}
	if len(t.Minisign)+len(t.SSH) == 0 {
		return errors.New("no signer is allowed: write minisign = [\"RW…\"] or ssh = [\"ssh-ed25519 AAAA…\"]")
	}
	out := &check.SignedRule{Rule: r, Required: t.Required == nil || *t.Required, Minisign: t.Minisign, SSH: t.SSH, Namespace: t.Namespace}
	if out.Namespace == "" {
		out.Namespace = "file"
	}
	p.Signed = out
	return nil
}

func (t *virusTable) into(p *check.Policy) error {
	if t == nil {
		return nil
	}
	r, err := rule(t.OnFail, t.Files, t.Timeout, 0)
	if err != nil {
		return err
	}
	out := &check.VirusRule{Rule: r, Socket: t.Socket, MaxAge: time.Duration(t.MaxAge), Undated: t.Undated}
	if out.Socket == "" {
		out.Socket = defaultSocket
	}
	if out.MaxAge == 0 {
		out.MaxAge = defaultMaxAge
	}
	if !filepath.IsAbs(out.Socket) {
		return fmt.Errorf("socket: %q is not an absolute path", out.Socket)
	}
	p.Virus = out
	return nil
}

func (f *policyFile) commands(p *check.Policy) error {
	names := map[string]bool{}
	for _, builtin := range []string{"limits", "type", "archive", "json", "xml", "signed", "virus", check.Signature, check.Aborted, check.Plan, check.Names, check.Digest} {
		names[builtin] = true
	}
	for _, t := range f.Command {
		switch {
		case t.Name == "" || len(t.Name) > 40:
			return errors.New("name: 1 to 40 bytes, for verdicts")
		case names[t.Name]:
			return fmt.Errorf("name %q is taken", t.Name)
		case len(t.Command) == 0 || !filepath.IsAbs(t.Command[0]):
			return fmt.Errorf("%q: command: an absolute path and its arguments", t.Name)
		}
		names[t.Name] = true
		for _, code := range t.SaysNo {
			if code < 1 || code >= check.UnableCode {
				return fmt.Errorf("%q: says_no: %d is no exit code from 1 to %d", t.Name, code, check.UnableCode-1)
			}
		}
		for _, path := range t.Read {
			if !filepath.IsAbs(path) {
				return fmt.Errorf("%q: read: %q is not an absolute path", t.Name, path)
			}
		}
		r, err := rule(t.OnFail, t.Files, t.Timeout, t.Memory)
		if err != nil {
			return fmt.Errorf("%q: %w", t.Name, err)
		}
		p.Commands = append(p.Commands, check.CommandRule{Rule: r, Name: t.Name, Command: t.Command, Read: t.Read, SaysNo: t.SaysNo, Silent: t.Silent})
	}
	return nil
}
