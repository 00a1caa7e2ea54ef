package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
)

// example is the file in the docs that people start from.
const example = "../../docs/examples/pawl-release.toml"

func TestExampleLoads(t *testing.T) {
	c, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Quarantine: "/srv/pawl/quarantine", Sender: "/etc/pawl/sender.key.pub", Rescan: conf.Duration(30 * time.Second), Log: "text",
		Audit: auditConfig{Folder: "/var/lib/pawl/audit", Key: "/etc/pawl/audit.key"},
		Channels: []channel{
			{ID: 1, Name: "updates", Inbox: "/srv/pawl/inbox/updates", Release: releaseAuto},
			{ID: 2, Name: "reports", Inbox: "/srv/pawl/inbox/reports", Release: releaseHold, MaxTransfer: 50 << 30, MaxEntries: 1_000_000},
		},
	}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("loaded %+v, want %+v", *c, want)
	}
}

// TestExampleDefaults holds the commented lines to the defaults: uncommented, they change nothing.
func TestExampleDefaults(t *testing.T) {
	all, err := load(conftest.Uncommented(t, example, 4))
	if err != nil {
		t.Fatal(err)
	}
	some, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(all, some) {
		t.Errorf("with the comments %+v, without %+v", all, some)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := "quarantine = \"q\"\nsender = \"s\"\n"
	good += "[audit]\noff = true\n"
	one := good + "[[channel]]\nid = 1\nname = \"a\"\ninbox = \"/i\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"nothing":        {"", "quarantine: is missing"},
		"no sender":      {"quarantine = \"q\"\n", "sender: is missing"},
		"no audit":       {strings.Replace(one, "off = true", "", 1), "write folder and key"},
		"audit twice":    {strings.Replace(one, "off = true", "off = true\nfolder = \"a\"", 1), "say one of the two"},
		"audit half":     {strings.Replace(one, "off = true", "folder = \"a\"", 1), "write folder and key"},
		"no channel":     {good, "no [[channel]] is configured"},
		"unknown key":    {one + "relase = \"auto\"\n", ":9: channel.relase: unknown key"},
		"bad release":    {one + "release = \"maybe\"\n", "neither \"auto\" nor \"hold\""},
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
