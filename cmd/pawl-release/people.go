package main

import (
	"fmt"
	"io"
	"strings"

	"pawl/cmd/internal/conf"
	"pawl/framing"
	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// peopleFile is people.toml: the people, one table each.
type peopleFile struct {
	Person []personTable `toml:"person"`
}

type personTable struct {
	Name     string        `toml:"name"`     // as in the key
	Key      personKey     `toml:"key"`      // the line of NAME.pub
	Roles    []people.Role `toml:"roles"`    // "viewer", "approver", "auditor", "admin"
	Channels []string      `toml:"channels"` // names of the channels that the roles are for; default all
}

// personKey is the line of a person's public key.
type personKey struct{ person.Public }

// UnmarshalText reads the line that pawl-key person wrote.
func (k *personKey) UnmarshalText(text []byte) (err error) {
	if k.Public, err = person.ParsePublic(string(text)); err != nil {
		return fmt.Errorf("%w: write the line of NAME.pub, \"pawl-person-1 NAME ...\"", err)
	}
	return nil
}

// loadPeople reads a file of people, and gives its digest.
func (c *config) loadPeople(path string) (all []people.Person, digest string, err error) {
	var f peopleFile
	if digest, err = loadFile(path, &f); err != nil {
		return nil, "", err
	}
	if len(f.Person) == 0 {
		return nil, "", conf.Locate(path, conf.Wrong("person", "there is nobody: write a [[person]] with name, key and roles"))
	}
	channels, names := map[string]bool{}, map[string]bool{}
	for _, ch := range c.Channels {
		channels[ch.Name] = true
	}
	for i, p := range f.Person {
		if err := p.check(fmt.Sprintf("person[%d].", i), names, channels); err != nil {
			return nil, "", conf.Locate(path, err)
		}
		names[p.Name] = true
		all = append(all, people.Person{Key: p.Key.Public, Roles: p.Roles, Channels: p.Channels})
	}
	return all, digest, nil
}

func (p *personTable) check(at string, names, channels map[string]bool) error {
	switch {
	case p.Key.Name() == "":
		return conf.Wrong(at+"key", "is missing: write the line of NAME.pub, which pawl-key person makes")
	case p.Name != p.Key.Name():
		return conf.Wrong(at+"name", "%q is not the name in the key, %q", p.Name, p.Key.Name())
	case names[p.Name]:
		return conf.Wrong(at+"name", "%q is there twice", p.Name)
	case len(p.Roles) == 0:
		return conf.Wrong(at+"roles", "is missing: write what %s may do, as [\"viewer\", \"approver\"]", p.Name)
	}
	for _, name := range p.Channels {
		if !channels[name] {
			return conf.Wrong(at+"channels", "%q is no channel", name)
		}
	}
	return nil
}

// registry is the people of the configuration; the error is about the key people.
func (c *config) registry(sender seal.SenderPublic) (*people.Registry, error) {
	all, err := people.New(c.people, sender)
	if err == nil {
		err = c.enough(all)
	}
	return all, conf.At("people", err)
}

// enough refuses a channel that can release nothing, because too few may approve it.
func (c *config) enough(all *people.Registry) error {
	for _, ch := range c.Channels {
		n := 0
		for _, p := range all.All() {
			if p.May(people.Approver, ch.Name) {
				n++
			}
		}
		if need := ch.Release.people(); n < need {
			return fmt.Errorf("%d of the people may approve for channel %q, and its release = %q takes %d: give the role \"approver\" to more", n, ch.Name, ch.Release, need)
		}
	}
	return nil
}

// writePeople says who may do what.
func (c *config) writePeople(w io.Writer) error {
	for _, p := range c.people {
		var roles []string
		for _, r := range p.Roles {
			roles = append(roles, string(r))
		}
		where := "all channels"
		if len(p.Channels) > 0 {
			where = framing.Printable(strings.Join(p.Channels, ", "), longText)
		}
		if _, err := fmt.Fprintf(w, "person %s %s: %s; %s\n", p.Name(), p.Key.Fingerprint(), strings.Join(roles, ", "), where); err != nil {
			return err
		}
	}
	return nil
}

// mode is how a channel releases.
type mode release.Mode

// UnmarshalText refuses what is no mode.
func (m *mode) UnmarshalText(text []byte) error {
	*m = mode(text)
	switch release.Mode(*m) {
	case release.Auto, release.One, release.Two:
		return nil
	case "hold":
		return fmt.Errorf("\"hold\" is now \"one\": one of the people approves; or \"two\"")
	}
	return fmt.Errorf("%.40q is neither \"auto\" nor \"one\" nor \"two\"", text)
}

func (m mode) people() int { return release.Mode(m).People() }

// shown is a part of a transfer that an approver can be shown.
type shown string

func (s shown) String() string { return string(s) }

// The parts.
const (
	showFiles    shown = "files"    // every path with its size
	showVerdicts shown = "verdicts" // what each check said
	showHistory  shown = "history"
	showArrival  shown = "arrival" // what pawl-receive noted
)

// UnmarshalText refuses what can't be shown.
func (s *shown) UnmarshalText(text []byte) error {
	switch *s = shown(text); *s {
	case showFiles, showVerdicts, showHistory, showArrival:
		return nil
	}
	return fmt.Errorf("%.40q can't be shown: write \"files\", \"verdicts\", \"history\" or \"arrival\"", text)
}
