package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/hw/confine"
	"pawl/receiver/check"
	"pawl/receiver/check/inside"
	"pawl/receiver/quarantine"
)

// policyFile is a policy as people write it: a table for each check that is asked. docs/checks.md explains them. What is left out has the
// default named here.
type policyFile struct {
	Confine string         `toml:"confine"` // "required" (default) or "best"
	Names   *namesTable    `toml:"names"`
	Type    *typeTable     `toml:"type"`
	Archive *archiveTable  `toml:"archive"`
	JSON    *textTable     `toml:"json"`
	XML     *textTable     `toml:"xml"`
	Signed  *signedTable   `toml:"signed"`
	Virus   *virusTable    `toml:"virus"`
	Command []commandTable `toml:"command"`
}

type namesTable struct {
	OnFail   outcome   `toml:"on_fail"`
	Allow    []pattern `toml:"allow"`
	Deny     []pattern `toml:"deny"`
	MaxFile  conf.Size `toml:"max_file"`
	MaxFiles int       `toml:"max_files"`
	MaxDepth int       `toml:"max_depth"`
}

type typeTable struct {
	OnFail       outcome       `toml:"on_fail"`
	Files        []pattern     `toml:"files"`
	Timeout      conf.Duration `toml:"timeout"`
	Memory       conf.Size     `toml:"memory"`
	Allow        []mediaType   `toml:"allow"`
	Deny         []mediaType   `toml:"deny"`
	AnyExtension bool          `toml:"any_extension"`
}

type archiveTable struct {
	OnFail     outcome       `toml:"on_fail"`
	Files      []pattern     `toml:"files"`
	Timeout    conf.Duration `toml:"timeout"`
	Memory     conf.Size     `toml:"memory"`
	MaxEntries int           `toml:"max_entries"` // default 10000
	MaxDepth   int           `toml:"max_depth"`   // default 4
	MaxRatio   int           `toml:"max_ratio"`   // default 200
	MaxTotal   conf.Size     `toml:"max_total"`   // default 10 GiB
	Links      bool          `toml:"links"`
	Unreadable []string      `toml:"unreadable"`
}

type textTable struct {
	OnFail   outcome       `toml:"on_fail"`
	Files    []pattern     `toml:"files"` // default: by extension
	Timeout  conf.Duration `toml:"timeout"`
	Memory   conf.Size     `toml:"memory"`
	MaxDepth int           `toml:"max_depth"` // default 64
	MaxSize  conf.Size     `toml:"max_size"`  // default 16 MiB
	Schema   string        `toml:"schema"`    // JSON: file of a JSON Schema, from the policy's folder
}

type signedTable struct {
	OnFail    outcome             `toml:"on_fail"`
	Required  *bool               `toml:"required"` // default true
	Minisign  []check.MinisignKey `toml:"minisign"`
	SSH       []check.SSHKey      `toml:"ssh"`
	Namespace string              `toml:"namespace"` // default "file"
}

type virusTable struct {
	OnFail  outcome       `toml:"on_fail"`
	Files   []pattern     `toml:"files"`
	Timeout conf.Duration `toml:"timeout"`
	Socket  string        `toml:"socket"`  // default /run/clamav/clamd.ctl
	MaxAge  conf.Duration `toml:"max_age"` // default 7 days
	Undated bool          `toml:"undated"`
}

type commandTable struct {
	Name    string        `toml:"name"`
	Command []string      `toml:"command"`
	Read    []string      `toml:"read"`
	SaysNo  []int         `toml:"says_no"`
	Silent  bool          `toml:"silent"`
	OnFail  outcome       `toml:"on_fail"`
	Files   []pattern     `toml:"files"`
	Timeout conf.Duration `toml:"timeout"`
	Memory  conf.Size     `toml:"memory"`
}

// Defaults, named in docs/checks.md too.
const (
	defaultTimeout = time.Minute
	defaultMemory  = 256 << 20
	defaultSocket  = "/run/clamav/clamd.ctl"
	defaultMaxAge  = 7 * 24 * time.Hour
)

// outcome, pattern and mediaType are structs because the decoder gives strings to nothing else that reads text by itself.

// outcome is where a "no" sends a transfer; the zero one rejects.
type outcome struct{ text string }

// UnmarshalText reads "hold" or "reject".
func (o *outcome) UnmarshalText(text []byte) error {
	o.text = string(text)
	if o.text != "hold" && o.text != "reject" {
		return fmt.Errorf("%.40q is neither \"hold\" nor \"reject\"", text)
	}
	return nil
}

func (o outcome) state() quarantine.State {
	if o.text == "hold" {
		return quarantine.Held
	}
	return quarantine.Rejected
}

// pattern is a pattern of file names.
type pattern struct{ text string }

// UnmarshalText refuses what can't match a file's name.
func (p *pattern) UnmarshalText(text []byte) error {
	p.text = string(text)
	if _, err := path.Match(string(text), ""); err != nil || len(text) == 0 || strings.Contains(string(text), "/") {
		return fmt.Errorf("%.40q is not a pattern of file names: write \"*.json\"", text)
	}
	return nil
}

// mediaType is a media type or all of a kind.
type mediaType struct{ text string }

// UnmarshalText refuses what no content is of.
func (m *mediaType) UnmarshalText(text []byte) error {
	m.text = string(text)
	kind, name, ok := strings.Cut(string(text), "/")
	if !ok || kind == "" || name == "" || strings.ContainsAny(string(text), " ;,") || strings.Contains(kind, "*") || strings.Contains(name, "*") && name != "*" {
		return fmt.Errorf("%.60q is not a media type: write \"application/pdf\" or \"image/*\"", text)
	}
	return nil
}

func (p pattern) String() string   { return p.text }
func (m mediaType) String() string { return m.text }

// words gives patterns and the like as strings.
func words[T fmt.Stringer](all []T) []string {
	var out []string
	for _, w := range all {
		out = append(out, w.String())
	}
	return out
}

// loadPolicy reads a policy's file.
func loadPolicy(file string) (*check.Policy, error) {
	var f policyFile
	if err := conf.Load(file, &f); err != nil {
		return nil, err
	}
	p, err := f.policy(filepath.Dir(file))
	if err != nil {
		return nil, conf.Locate(file, err)
	}
	return p, nil
}

// rule fills in what all checks have.
func rule(on outcome, files []pattern, timeout conf.Duration, memory conf.Size) (check.Rule, error) {
	r := check.Rule{OnFail: on.state(), Files: words(files), Timeout: time.Duration(timeout), Memory: uint64(memory)}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	if r.Memory == 0 {
		r.Memory = defaultMemory
	}
	if r.Memory < confine.LeastMemory {
		return r, fmt.Errorf("memory: %s is less than the %s that a checker needs to start", memory, conf.Size(confine.LeastMemory))
	}
	return r, nil
}

// positive gives n, or the default for 0.
func positive(key string, n, otherwise int) (int, error) {
	if n < 0 {
		return 0, fmt.Errorf("%s is negative", key)
	}
	if n == 0 {
		n = otherwise
	}
	return n, nil
}

func (f *policyFile) policy(dir string) (*check.Policy, error) {
	p := &check.Policy{Best: f.Confine == "best", Checker: checkerCommandName}
	if f.Confine != "" && f.Confine != "best" && f.Confine != "required" {
		return nil, conf.Wrong("confine", "%q is neither \"required\" nor \"best\"", f.Confine)
	}
	for _, t := range []struct {
		name string
		make func() error
	}{
		{"names", func() error { return f.Names.into(p) }},
		{"type", func() error { return f.Type.into(p) }},
		{"archive", func() error { return f.Archive.into(p) }},
		{"json", func() (err error) { p.JSON, err = f.JSON.rule(pattern{"*.json"}, dir); return }},
		{"xml", func() (err error) { p.XML, err = f.XML.rule(pattern{"*.xml"}, ""); return }},
		{"signed", func() error { return f.Signed.into(p) }},
		{"virus", func() error { return f.Virus.into(p) }},
		{"command", func() error { return f.commands(p) }},
	} {
		if err := t.make(); err != nil {
			return nil, conf.At(t.name, err)
		}
	}
	if len(p.Checks()) == 0 {
		return nil, errors.New("asks nothing: write at least one of [names], [type], [archive], [json], [xml], [signed], [virus], [[command]]")
	}
	return p, nil
}

// schemaText reads a schema and tries it.
func schemaText(dir, name string) (string, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	text, err := os.ReadFile(name)
	if err == nil {
		_, err = inside.ReadSchema(text)
	}
	if err != nil {
		return "", fmt.Errorf("schema %s: %w", name, err)
	}
	return string(text), nil
}

// knownKinds refuses kinds of archives that do not exist or can be looked into.
func knownKinds(kinds []string) error {
	for _, k := range kinds {
		if !slices.Contains(inside.OpaqueKinds(), k) {
			return fmt.Errorf("unreadable: %q is none of %s", k, strings.Join(inside.OpaqueKinds(), ", "))
		}
	}
	return nil
}
