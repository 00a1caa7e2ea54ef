package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pawl/cmd/internal/conf/conftest"
	"pawl/receiver/check"
)

const examplePolicy = "../../docs/examples/updates.policy.toml"

func TestPolicyExample(t *testing.T) {
	p, err := loadPolicy(examplePolicy)
	if err != nil {
		t.Fatal(err)
	}
	want := "limits (rejected) type (rejected) archive (rejected) json (rejected) xml (held) signed (rejected) virus (rejected) no secrets (held) orders (rejected)"
	if got := strings.Join(p.Checks(), " "); got != want {
		t.Errorf("checks %s, want %s", got, want)
	}
	all, err := loadPolicy(conftest.Uncommented(t, examplePolicy, 15))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(all, p) || all.Digest() != p.Digest() {
		t.Errorf("the comments are not the defaults: %+v, %+v", all, p)
	}
}

// TestPolicyExampleCommands runs the example's own commands on content that they must let pass, and on content that they must not.
func TestPolicyExampleCommands(t *testing.T) {
	p, err := loadPolicy(examplePolicy)
	if err != nil {
		t.Fatal(err)
	}
	only := &check.Policy{Best: true, Checker: checkerCommandName, Commands: p.Commands}
	for _, tc := range []struct {
		text string
		ok   bool
	}{
		{"", true},
		{"a report\nof two lines\n", true},
		{"CONFIDENTIAL\n", false},
		{"a report\nCONFIDENTIAL\nand more\n", false},
		{"binary \x00 and CONFIDENTIAL", false},
		{strings.Repeat("line\n", 1<<20) + "CONFIDENTIAL", false},
		{"not UTF-8 \xff\n CONFIDENTIAL \xff", false},
	} {
		path := filepath.Join(t.TempDir(), "report.txt")
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		found, err := check.Try(t.Context(), only, path)
		if err != nil || len(found) != len(only.Commands) || found[0].Files != 1 {
			t.Fatalf("%+v, %v", found, err)
		}
		if found[0].OK != tc.ok || !tc.ok && found[0].Reason == "" {
			t.Errorf("%.40q: %+v", tc.text, found[0])
		}
	}
}

func TestPolicyRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct{ text, want string }{
		{"", "asks nothing"},
		{"confine = \"never\"\n[json]\n", "neither \"required\" nor \"best\""},
		{"[tpye]\nallow = [\"a/b\"]\n", ":1: tpye: unknown key, did you mean \"type\""},
		{"[type]\nalow = [\"a/b\"]\n", ":2: type.alow: unknown key, did you mean \"allow\""},
		{"[names]\ntimeout = \"1m\"\n", "unknown key, \"timeout\" belongs in [archive], [command], [json], [type], [virus], [xml]\n"},
		{"[virus]\nmemory = \"1GiB\"\n", "unknown key, \"memory\" belongs in [archive], [command], [json], [type], [xml]\n"},
		{"[type]\n", "type: allow is missing"},
		{"[type]\nallow = [\"pdf\"]\n", ":2: type.allow: \"pdf\" is not a media type"},
		{"[json]\non_fail = \"warn\"\n", ":2: json.on_fail: \"warn\" is neither \"hold\" nor \"reject\""},
		{"[json]\nfiles = [\"[\"]\n", "is not a pattern"},
		{"[json]\nmax_depth = -1\n", "json: max_depth is negative"},
		{"[json]\nmax_size = \"1GiB\"\n", "more than a quarter of memory"},
		{"[json]\nmemory = \"127MiB\"\n", "less than the 128MiB"},
		{"[json]\nschema = \"none.json\"\n", "none.json"},
		{"[xml]\nschema = \"x.xsd\"\n", "schemas of JSON only"},
		{"[archive]\nunreadable = [\"zip\"]\n", "\"zip\" is none of 7z"},
		{"[signed]\n", "no signer is allowed"},
		{"[signed]\nminisign = [\"x\"]\n", ":2: signed.minisign: \"x\" is not a minisign public key"},
		{"[signed]\nssh = [\"x\"]\n", "is not an SSH public key"},
		{"[virus]\nsocket = \"s\"\n", "not an absolute path"},
		{"[[command]]\nname = \"x\"\ncommand = [\"sh\"]\n", "an absolute path"},
		{"[[command]]\nname = \"type\"\ncommand = [\"/bin/sh\"]\n", "name \"type\" is taken"},
		{"[[command]]\ncommand = [\"/bin/sh\"]\n", "name: 1 to 40 bytes"},
		{"[[command]]\nname = \"x\"\ncommand = [\"/bin/sh\"]\nsays_no = [0]\n", "says_no: 0 is no exit code"},
		{"[[command]]\nname = \"x\"\ncommand = [\"/bin/sh\"]\nsays_no = [1, 125]\n", "says_no: 125 is no exit code"},
		{"[names]\nmax_files = -1\n", "negative"},
	} {
		path := filepath.Join(dir, "p.toml")
		if err := os.WriteFile(path, []byte(tc.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadPolicy(path); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%q: %v, want %q", tc.text, err, tc.want)
		}
	}
}
