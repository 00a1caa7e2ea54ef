package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"pawl/cmd/internal/cli"
	"pawl/framing/person"
	"pawl/receiver/audit"
)

// roster is a file of people as pawl-release has it, which an auditor got from somebody he trusts.
type roster struct {
	path   string
	digest string // SHA-256, as in a Config entry
	people map[string]listed
}

// listed is one of the people.
type listed struct {
	key      person.Public
	roles    []string
	channels []string // none: all
}

// approver is the role of who decides.
const approver = "approver"

// maxPeople bounds the file, octets.
const maxPeople = 1 << 20

func readRoster(path string) (*roster, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPeople+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPeople {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxPeople)
	}
	r := &roster{path: path, digest: fmt.Sprintf("%x", sha256.Sum256(text)), people: map[string]listed{}}
	if err := r.parse(string(text)); err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return r, nil
}

// The part of TOML that people.toml is written in; the whole language would be more code than the rest of this program. What is not of that part is refused.
var (
	tableLine = regexp.MustCompile(`^\[\[\s*person\s*\]\]$`)
	keyLine   = regexp.MustCompile(`(?s)^([a-z_]+)\s*=\s*(.+)$`)
	textForm  = regexp.MustCompile(`^(?:"([^"\\\n]*)"|'([^'\n]*)')`)
)

func (r *roster) parse(text string) error {
	var now map[string][]string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at := i + 1
		line := bare(lines[i])
		for strings.Contains(line, "[") && strings.Contains(line, "=") && !strings.HasSuffix(line, "]") && i+1 < len(lines) {
			i++ // a list goes over several lines
			line += "\n" + bare(lines[i])
			line = strings.TrimSpace(line)
		}
		m := keyLine.FindStringSubmatch(line)
		switch {
		case line == "":
		case tableLine.MatchString(line):
			if err := r.add(now); err != nil {
				return fmt.Errorf("%d: above this line: %w", at, err)
			}
			now = map[string][]string{}
		case m == nil || now == nil:
			return fmt.Errorf("%d: neither a [[person]] nor a key of one", at)
		case now[m[1]] != nil:
			return fmt.Errorf("%d: %s is there twice", at, m[1])
		default:
			values, err := texts(m[2])
			if err != nil {
				return fmt.Errorf("%d: %s: %w", at, m[1], err)
			}
			now[m[1]] = values
		}
	}
	if err := r.add(now); err != nil {
		return fmt.Errorf("%d: %w", len(lines), err)
	}
	if len(r.people) == 0 {
		return errors.New(" there is nobody in it")
	}
	return nil
}

// bare is a line without its comment and the blanks around it.
func bare(line string) string {
	in := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case in == 0 && c == '#':
			return strings.TrimSpace(line[:i])
		case in == 0 && (c == '"' || c == '\''):
			in = c
		case in == c:
			in = 0
		}
	}
	return strings.TrimSpace(line)
}

// texts reads a string or a list of strings.
func texts(value string) (all []string, err error) {
	wrong := errors.New("neither a plain string nor a list of them")
	list := strings.HasPrefix(value, "[")
	rest := strings.TrimSpace(strings.TrimPrefix(value, "["))
	all = []string{}
	for {
		m := textForm.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		all = append(all, m[1]+m[2])
		rest = strings.TrimSpace(rest[len(m[0]):])
		if next, more := strings.CutPrefix(rest, ","); more && list {
			rest = strings.TrimSpace(next)
			continue
		}
		break
	}
	if list && rest == "]" || !list && rest == "" && len(all) == 1 {
		return all, nil
	}
	return nil, wrong
}

// add takes in a table; nil is none.
func (r *roster) add(table map[string][]string) error {
	if table == nil {
		return nil
	}
	for key := range table {
		if !slices.Contains([]string{"name", "key", "roles", "channels"}, key) {
			return fmt.Errorf("%s is unknown here: what it asks of a person can't be checked", key)
		}
	}
	if len(table["name"]) != 1 || len(table["key"]) != 1 || len(table["roles"]) == 0 {
		return errors.New("a person has a name, a key and roles")
	}
	name := table["name"][0]
	key, err := person.ParsePublic(table["key"][0])
	switch {
	case err != nil:
		return err
	case key.Name() != name:
		return fmt.Errorf("%q is not the name in the key, %q", name, key.Name())
	case r.people[name].key != person.Public{}:
		return fmt.Errorf("%q is there twice", name)
	}
	r.people[name] = listed{key, table["roles"], table["channels"]}
	return nil
}

// judge says whether a person of the list, with that very key, may decide so. channel is the transfer's, "" where the log does not name it.
func (r *roster) judge(d audit.Decision, channel string) error {
	p, known := r.people[d.Person]
	switch {
	case !known:
		return notf("%s (%s), who decided to %s, is not in %s", d.Person, d.Key.Fingerprint(), d.Action, r.path)
	case p.key != d.Key:
		return notf("%s decided to %s with the key %s; in %s it is %s", d.Person, d.Action, d.Key.Fingerprint(), r.path, p.key.Fingerprint())
	case !slices.Contains(p.roles, approver):
		return notf("%s is no %s in %s", d.Person, approver, r.path)
	case channel != "" && len(p.channels) > 0 && !slices.Contains(p.channels, channel):
		return notf("%s is no %s for the channel %q in %s", d.Person, approver, channel, r.path)
	}
	return nil
}

// compare asks about all decisions of a transfer; a nil roster about none.
func (r *roster) compare(e *audit.Evidence) error {
	if r == nil {
		return nil
	}
	channel := ""
	if e.Release != nil && e.Release.Terms != nil {
		channel = e.Release.Terms.Channel
	}
	for _, d := range e.Decisions {
		if err := r.judge(d, channel); err != nil {
			return err
		}
	}
	return nil
}

// optional reads the roster where one is given.
func optional(path string, given bool) (*roster, error) {
	if !given {
		return nil, nil
	}
	if path == "" {
		return nil, cli.Usagef("the file after --people is empty")
	}
	return readRoster(path)
}
