package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/receiver/release"
)

// example is the file in the docs that people start from.
const example = "../../docs/examples/pawl-release.toml"

func TestExampleLoads(t *testing.T) {
	c, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Quarantine: "/srv/pawl/quarantine", Sender: "/etc/pawl/sender.key.pub", People: "../../docs/examples/people.toml", Rescan: conf.Duration(30 * time.Second), Log: "text",
		Audit: auditConfig{Folder: "/var/lib/pawl/audit", Key: "/etc/pawl-release/audit.key"},
		Channels: []channel{
			{ID: 1, Name: "updates", Inbox: "/srv/pawl/inbox/updates", Release: mode(release.Auto), Collision: "refuse", Immutable: "no"},
			{ID: 2, Name: "reports", Inbox: "/srv/pawl/inbox/reports", Release: mode(release.One), Show: []shown{showFiles, showVerdicts}, Collision: "refuse", Immutable: "no", MaxTransfer: 50 << 30, MaxEntries: 1_000_000},
		},
	}
	if len(c.people) != 3 || c.people[0].Name() != "alice" || c.people[1].Channels[0] != "reports" {
		t.Errorf("people %+v", c.people)
	}
	c.people, c.digests = nil, digests{}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("loaded %+v, want %+v", *c, want)
	}
}

// TestExampleDefaults holds the commented lines to the defaults: uncommented, they change nothing.
func TestExampleDefaults(t *testing.T) {
	path := conftest.Uncommented(t, example, 4)
	people, err := os.ReadFile("../../docs/examples/people.toml")
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(path), "people.toml"), people, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	all.People = "../../docs/examples/people.toml"
	some, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	all.digests = some.digests // of another file
	if !reflect.DeepEqual(all, some) {
		t.Errorf("with the comments %+v, without %+v", all, some)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := "quarantine = \"q\"\nsender = \"s\"\n"
	good += "[audit]\noff = true\n"
	one := good + "[[channel]]\nid = 1\nname = \"a\"\ninbox = \"/i\"\nrelease = \"auto\"\n"
	store := good + "[[channel]]\nid = 1\nname = \"a\"\nrelease = \"auto\"\n%s[channel.s3]\nendpoint = \"https://s3.example.org\"\nbucket = \"b\"\ncredentials = \"c\"\n"
	inStore := func(line string) string { return fmt.Sprintf(store, line+"\n") }
	for name, c := range map[string]struct{ text, want string }{
		"store, people":  {strings.Replace(inStore(""), "auto", "one", 1), "people: is missing: channel \"a\" asks for people"},
		"store, show":    {inStore("show = [\"files\"]"), "nobody approves"},
		"store, after":   {inStore("after_release = [\"tell\"]"), "is not an absolute path"},
		"store, timeout": {inStore("after_timeout = \"5s\""), "there is no after_release"},
		"store, entries": {inStore("max_entries = -1"), "-1 is negative"},
		"store, inbox":   {inStore("inbox = \"/i\""), "there is an inbox too"},
		"nothing":        {"", "quarantine: is missing"},
		"no sender":      {"quarantine = \"q\"\n", "sender: is missing"},
		"no audit":       {strings.Replace(one, "off = true", "", 1), "write folder and key"},
		"audit twice":    {strings.Replace(one, "off = true", "off = true\nfolder = \"a\"", 1), "say one of the two"},
		"audit half":     {strings.Replace(one, "off = true", "folder = \"a\"", 1), "write folder and key"},
		"no channel":     {good, "no [[channel]] is configured"},
		"unknown key":    {one + "relase = \"auto\"\n", ":10: channel.relase: unknown key"},
		"bad release":    {strings.Replace(one, "auto", "maybe", 1), "neither \"auto\" nor \"one\" nor \"two\""},
		"old release":    {strings.Replace(one, "auto", "hold", 1), "\"hold\" is now \"one\""},
		"no people":      {strings.Replace(one, "auto", "two", 1), "people: is missing: channel \"a\" asks for people"},
		"show to nobody": {one + "show = [\"files\"]\n", "nobody approves"},
		"relative inbox": {strings.Replace(one, "/i", "i", 1), "not an absolute path"},
		"no inbox":       {good + "[[channel]]\nid = 1\nname = \"a\"\n", "inbox: is missing"},
		"no name":        {good + "[[channel]]\nid = 1\n", "name: is missing"},
		"id 0":           {strings.Replace(one, "id = 1", "id = 0", 1), "not in 1 to 65535"},
		"id twice":       {one + "[[channel]]\nid = 1\nname = \"b\"\ninbox = \"/j\"\n", "id: 1 is used twice"},
		"name twice":     {one + "[[channel]]\nid = 2\nname = \"a\"\ninbox = \"/j\"\n", "name: \"a\" is used twice"},
		"busy":           {"rescan = \"10ms\"\n" + one, "rescan"},
		"log":            {"log = \"xml\"\n" + one, "log"},
		"entries":        {one + "max_entries = -1\n", "max_entries"},
	} {
		path := filepath.Join(t.TempDir(), "c.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
