package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/framing/merkle"
	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// makeSigned makes evidence of a transfer that alice approved, of one that waits, and of that with another plan; and lists of people, the right one and
// others.
func makeSigned(t *testing.T, dir string, key *merkle.Key, sender *seal.SenderKey) {
	t.Helper()
	alice, bob := personKey(t, "alice"), personKey(t, "bob")
	list := func(name string, lines ...string) {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
	entry := func(k *person.Key, rest ...string) string {
		return fmt.Sprintf("[[person]]\nname = %q\nkey = %q\n%s", k.Public().Name(), k.Public(), strings.Join(rest, "\n"))
	}
	const approver = `roles = ["viewer", "approver"]`
	list("people.toml", "# all of us", entry(alice, approver), entry(bob, approver))
	list("people.other.toml", entry(personKey(t, "alice"), approver))
	list("people.without.toml", entry(bob, approver))
	list("people.viewer.toml", entry(alice, `roles = [ "viewer" ]`))
	list("people.elsewhere.toml", entry(alice, approver, `channels = ["another"]`))
	list("people.several.toml", entry(alice, "roles = [ # what she may", `  "viewer", 'approver',`, "]", `channels = ["signed", "another"]`))
	list("people.unknown.toml", entry(alice, approver, `blood_group = "A"`))

	log := begin(t, filepath.Join(dir, "signed"), key)
	store, err := quarantine.Open(filepath.Join(dir, "quarantine2"))
	must(t, err)
	inbox := filepath.Join(dir, "inbox2")
	must(t, os.Mkdir(inbox, 0o755))
	all, err := people.New([]people.Person{{Key: alice.Public(), Roles: []people.Role{people.Approver}}}, sender.Public())
	must(t, err)
	gate := release.NewGate(store, sender.Public(), []release.Channel{{ID: 2, Name: "signed", Inbox: inbox, Release: release.One}}, "pawl-release", zap.NewNop())
	gate.Audit(log)
	gate.People(all)
	gate.InForce(strings.Repeat("0c", 32), strings.Repeat("0d", 32))
	enter(t, log, &audit.Config{Program: audit.ConfigProgram, File: "c", Digest: strings.Repeat("0c", 32)},
		&audit.Config{Program: audit.PeopleProgram, File: "p", Digest: strings.Repeat("0d", 32)})
	id, waits := quarantine.ID{Channel: 2, Transfer: 1}, quarantine.ID{Channel: 2, Transfer: 2}
	for i, id := range []quarantine.ID{id, waits} {
		tree := []checktest.Entry{{Path: fmt.Sprintf("report %d", i), Data: []byte("hello")}}
		checktest.Build(t, id, sender, tree).Write(t, store.Dir(quarantine.Complete, id))
		if st, err := gate.Run(t.Context(), id, quarantine.Complete); err != nil || st != quarantine.Held {
			t.Fatal(st, err)
		}
	}
	draft, err := gate.Draft(id, person.Approve, "ordered", nil)
	must(t, err)
	draft.When = time.Now()
	signed, err := alice.Sign(draft)
	must(t, err)
	must(t, gate.Decide(id, signed))
	if st, err := gate.Run(t.Context(), id, quarantine.Held); err != nil || st != quarantine.Released {
		t.Fatal(st, err)
	}
	view, err := merkle.OpenView(os.DirFS(filepath.Join(dir, "signed")), key.Public())
	must(t, err)
	write := func(name string, id quarantine.ID, st quarantine.State) {
		o := audit.Objects{}
		for _, file := range []string{audit.PackPlan, audit.PackProof, audit.PackVerdict} {
			o[file], err = os.ReadFile(filepath.Join(store.Dir(st, id), file))
			must(t, err)
		}
		decisions, err := release.DecisionFiles(store.Dir(st, id))
		must(t, err)
		if len(decisions) > 0 {
			o[audit.PackDecisions], err = audit.AppendDecisions(nil, decisions)
			must(t, err)
		}
		var pack bytes.Buffer
		_, err = audit.WritePack(&pack, view, key, sender.Public(), id.String(), o)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), pack.Bytes(), 0o600))
	}
	write("signed.zip", id, quarantine.Released)
	write("held.zip", waits, quarantine.Held)
	plan := filepath.Join(store.Dir(quarantine.Held, waits), audit.PackPlan)
	text, err := os.ReadFile(plan)
	must(t, err)
	must(t, os.WriteFile(plan, bytes.ReplaceAll(text, []byte("report 1"), []byte("contract")), 0o600))
	write("false.zip", waits, quarantine.Held)
}

func personKey(t *testing.T, name string) *person.Key {
	t.Helper()
	k, err := person.Generate(name)
	must(t, err)
	return k
}

// TestRosterReadsTheExample: the file that we give as an example is one that is understood, and its people are those in it.
func TestRosterReadsTheExample(t *testing.T) {
	r, err := readRoster("../../docs/examples/people.toml")
	must(t, err)
	if len(r.people) != 3 || r.people["bob"].channels[0] != "reports" || len(r.people["alice"].roles) != 2 || r.people["carol"].key.Name() != "carol" {
		t.Errorf("%+v", r.people)
	}
}

// TestRosterRefuses: what is not understood to the last letter is no list to compare with.
func TestRosterRefuses(t *testing.T) {
	k := personKey(t, "alice").Public()
	whole := fmt.Sprintf("[[person]]\nname = \"alice\"\nkey = \"%s\"\nroles = [\"approver\"]\n", k)
	if err := (&roster{people: map[string]listed{}}).parse(whole); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nobody":         "# nobody\n",
		"no table":       `name = "alice"`,
		"another table":  whole + "[other]\nx = \"y\"\n",
		"twice":          whole + whole,
		"a key twice":    whole + "name = \"alice\"\n",
		"no key":         "[[person]]\nname = \"alice\"\nroles = [\"approver\"]\n",
		"no roles":       strings.Replace(whole, `["approver"]`, "[]", 1),
		"another name":   strings.Replace(whole, `"alice"`, `"bob"`, 1),
		"a damaged key":  strings.Replace(whole, k.String()[30:34], "AAAA", 1),
		"an escape":      strings.Replace(whole, `"approver"`, `"approver\\"`, 1),
		"no end of list": strings.Replace(whole, `]`+"\n", "\n", 2),
		"no end of text": strings.Replace(whole, `"approver"`, `"approver`, 1),
		"a number":       whole + "age = 7\n",
		"a second value": strings.Replace(whole, `"alice"`, `"alice" "bob"`, 1),
		"list of one":    strings.Replace(whole, `["approver"]`, `"approver",`, 1),
	} {
		if err := (&roster{people: map[string]listed{}}).parse(text); err == nil {
			t.Errorf("%s: is taken:\n%s", name, text)
		}
	}
}

// FuzzRoster: whatever the file says, who is in the list has his own name, a key and a role.
func FuzzRoster(f *testing.F) {
	example, err := os.ReadFile("../../docs/examples/people.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add("[[person]]\nname = 'a' # x\nroles = [\n\"b\",\n]\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := &roster{people: map[string]listed{}}
		if err := r.parse(text); err != nil {
			return
		}
		for name, p := range r.people {
			if name != p.key.Name() || len(p.roles) == 0 || !strings.Contains(text, p.key.String()) {
				t.Fatalf("%s: %+v", name, p)
			}
		}
	})
}
