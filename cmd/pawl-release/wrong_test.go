package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/person"
	"pawl/receiver/check/checktest"
)

// wrongRows say for each key what can be wrong with it.
var wrongRows = []conftest.Row{
	{Key: "quarantine", Line: ``, Want: "is missing: write the folder that pawl-receive fills"},
	{Key: "quarantine", Line: `quarantine = "sender.key"`, Want: "sender.key is not a folder"},
	{Key: "sender", Line: ``, Want: "is missing: write the sender's public key, FILE.pub of pawl-key sender"},
	{Key: "sender", Line: `sender = "none"`, Want: "no such file"},
	{Key: "sender", Line: `sender = "sender.key"`, Want: "sender.key"},
	{Key: "receipt_key", Line: `receipt_key = "none"`, Want: "no such file"},
	{Key: "receipt_key", Line: `receipt_key = "sender.key"`, Want: "want a pawl-receipt-secret-1"},
	{Key: "rescan", Line: `rescan = "10ms"`, Want: "less than 1s keeps the disk busy with nothing"},
	{Key: "rescan", Line: `rescan = 30`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "log", Line: `log = "xml"`, Want: `neither "text" nor "json"`},
	{Key: "metrics.listen", Line: `listen = "unix:metrics"`, Want: `write "unix:/run/pawl/metrics"`},
	{Key: "audit.folder", Line: ``, Want: "write folder and key (see pawl-key audit)"},
	{Key: "audit.folder", Line: `folder = "sender.key"`, Want: "sender.key is not a folder"},
	{Key: "audit.key", Line: ``, Want: "or off = true to keep no log of what is released"},
	{Key: "audit.key", Line: `key = "none"`, Want: "no such file"},
	{Key: "audit.key", Line: `key = "sender.key"`, Want: "sender.key"},
	{Key: "audit.off", Line: `off = true`, Want: "say one of the two"},
	{Key: "channel.id", Line: ``, Want: "0 is not in 1 to 65535"},
	{Key: "channel.name", Line: ``, Want: "is missing: write what people call the channel"},
	{Key: "channel.inbox", Line: ``, Want: "is missing: write a folder that is there, as an absolute path"},
	{Key: "channel.inbox", Line: `inbox = "inbox"`, Want: "is not an absolute path"},
	{Key: "channel.inbox", Line: `inbox = "/none/of/them"`, Want: "no such file or directory: make it, or mount it"},
	{Key: "channel.release", Line: `release = "maybe"`, Want: `neither "auto" nor "one" nor "two"`},
	{Key: "channel.release", Line: `release = "hold"`, Want: `"hold" is now "one": one of the people approves; or "two"`},
	{Key: "channel.show", Line: `show = ["all"]`, Want: `can't be shown: write "files", "verdicts", "history" or "arrival"`},
	{Key: "channel.hold_for", Line: `hold_for = "long"`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.release_windows", Line: `release_windows = ["Mo-Fr 08:00-18:00"]`, Want: `"mo-fr" are no days`},
	{Key: "channel.collision", Line: `collision = "overwrite"`, Want: `neither "refuse" nor "version" nor "same"`},
	{Key: "channel.immutable", Line: `immutable = "yes"`, Want: `neither "no" nor "best" nor "required"`},
	{Key: "channel.after_release", Line: `after_release = ["tell"]`, Want: `"tell" is not an absolute path`},
	{Key: "channel.after_timeout", Line: `after_timeout = "5s"`, Want: `there is no after_release that it could be of`},
	{Key: "channel.s3.endpoint", Line: ``, Want: "is missing"},
	{Key: "channel.s3.endpoint", Line: `endpoint = "ftp://x"`, Want: `is not an endpoint`},
	{Key: "channel.s3.endpoint", Line: `endpoint = "http://store"`, Want: `in clear: write https`},
	{Key: "channel.s3.bucket", Line: ``, Want: "is missing: write the name of a bucket"},
	{Key: "channel.s3.prefix", Line: `prefix = "/x"`, Want: `does not end with one "/"`},
	{Key: "channel.s3.region", Line: `region = 1`, Want: `want a string`},
	{Key: "channel.s3.credentials", Line: ``, Want: "is missing: write a file with the access key"},
	{Key: "channel.s3.credentials", Line: `credentials = "none"`, Want: "no such file"},
	{Key: "channel.s3.ca", Line: `ca = "../001/few.toml"`, Want: "has no certificate in PEM"},
	{Key: "people", Line: ``, Want: `is missing: channel "docs" asks for people`},
	{Key: "people", Line: `people = "none.toml"`, Want: "none.toml: no such file or directory"},
	{Key: "people", Line: `people = "../001/few.toml"`, Want: `0 of the people may approve for channel "docs", and its release = "one" takes 1`},
	{Key: "console.listen", Line: ``, Want: `is missing: write where the pages are served, as "127.0.0.1:8443"`},
	{Key: "console.listen", Line: `listen = "unix:console"`, Want: "is not an absolute path of a socket"},
	{Key: "console.listen", Line: `listen = "here"`, Want: `write "127.0.0.1:8443", or "unix:" and the path of a socket`},
	{Key: "console.keys", Line: ``, Want: "is missing: write the folder of the people's keys"},
	{Key: "console.keys", Line: `keys = "../001/sender.key"`, Want: "sender.key is not a folder"},
	{Key: "console.certificate", Line: ``, Want: "is missing beside certificate_key"},
	{Key: "console.certificate", Line: `certificate = "none"`, Want: "no such file"},
	{Key: "console.certificate_key", Line: ``, Want: "is missing beside certificate: write both or none"},
	{Key: "console.certificate_key", Line: `certificate_key = "../001/sender.key"`, Want: "PEM"},
	{Key: "console.idle", Line: `idle = "1s"`, Want: "is not between 1m and limit"},
	{Key: "console.host", Line: `host = "gateway.example:8443"`, Want: "without a port"},
	{Key: "console.limit", Line: `limit = "25h"`, Want: "a key would lie open in memory overnight"},
	{Key: "console.client.person", Line: ``, Want: "is missing: write whose certificate it is"},
	{Key: "console.client.person", Line: `person = "bob"`, Want: "not one of the people"},
	{Key: "console.client.certificate", Line: ``, Want: "is missing: write the file of the browser's certificate"},
	{Key: "console.client.certificate", Line: `certificate = "../001/sender.key"`, Want: "holds no certificate in PEM"},
	{Key: "channel.keep_content", Line: `keep_content = "no"`, Want: "want true or false, found string"},
	{Key: "channel.keep_rejected", Line: `keep_rejected = "30 days"`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.max_transfer", Line: `max_transfer = "much"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.max_entries", Line: `max_entries = -1`, Want: "-1 is negative: write how many files and folders one transfer may have"},
	{Key: "channel.policy", Line: `policy = "none.toml"`, Want: "none.toml: no such file or directory"},
}

// TestEveryWrongKey: file, line, key and what to write instead, for every key that there is.
func TestEveryWrongKey(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := keyfile.SaveSender("sender.key", checktest.Key(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	key, err := merkle.GenerateKey("example.org/high")
	if err == nil {
		err = keyfile.SaveAudit("audit.key", key, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(writeCertificate("c"), writePeopleFile("people.toml", "approver"), writePeopleFile("few.toml", "viewer"), os.WriteFile("store.key", []byte("access\n# and\nsecret\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	good := []conftest.Table{
		{Lines: []string{`quarantine = "q"`, `sender = "sender.key.pub"`, `people = "../001/people.toml"`}},
		{Head: "[audit]", Key: "audit", Lines: []string{`folder = "` + dir + `"`, `key = "audit.key"`}},
		{Head: "[console]", Key: "console", Lines: []string{`listen = "127.0.0.1:8443"`, `keys = "` + dir + `"`, `host = "gateway.example"`, `idle = "10m"`, `limit = "1h"`, `certificate = "../001/c.crt"`, `certificate_key = "../001/c.key"`}},
		{Head: "[[console.client]]", Key: "console.client", Lines: []string{`person = "alice"`, `certificate = "../001/c.crt"`}},
		{Head: "[metrics]", Key: "metrics", Lines: []string{`listen = "unix:/run/pawl-release/metrics"`}},
		{Head: "[[channel]]", Key: "channel", Lines: []string{`id = 1`, `name = "docs"`, `inbox = "` + dir + `"`}},
		{Head: "[[channel]]", Key: "another channel", Lines: []string{`id = 2`, `name = "store"`}},
		{Head: "[channel.s3]", Key: "channel.s3", Lines: []string{`endpoint = "https://s3.example.org"`, `bucket = "b"`, `credentials = "../001/store.key"`}},
	}
	conftest.Refused(t, good, wrongRows, conf.Keys(&config{}), func(path string) error {
		c, err := frame().Load(path)
		if err != nil {
			return err
		}
		return conf.Locate(path, c.file.checkFolders())
	})
}

// writePeopleFile makes people of one.
func writePeopleFile(path, role string) error {
	key, err := person.Generate("alice")
	if err != nil {
		return err
	}
	text := fmt.Sprintf("[[person]]\nname = \"alice\"\nkey = \"%s\"\nroles = [\"%s\"]\n", key.Public(), role)
	return os.WriteFile(path, []byte(text), 0o600)
}

// TestEveryWrongPerson: the same for people.toml.
func TestEveryWrongPerson(t *testing.T) {
	alice, err := person.Generate("alice")
	if err != nil {
		t.Fatal(err)
	}
	line := "key = \"" + alice.Public().String() + "\""
	rows := []conftest.Row{
		{Key: "person.name", Line: ``, Want: `"" is not the name in the key, "alice"`},
		{Key: "person.name", Line: `name = "bob"`, Want: `"bob" is not the name in the key, "alice"`},
		{Key: "person.key", Line: ``, Want: "is missing: write the line of NAME.pub"},
		{Key: "person.key", Line: `key = "alice"`, Want: `not a person's key`},
		{Key: "person.key", Line: strings.Replace(line, "alice", "carol", 1), Want: "wrong checksum"},
		{Key: "person.roles", Line: ``, Want: `is missing: write what alice may do`},
		{Key: "person.roles", Line: `roles = ["root"]`, Want: `"root" is no role: write "viewer"`},
		{Key: "person.channels", Line: `channels = ["none"]`, Want: `"none" is no channel`},
	}
	good := []conftest.Table{{Head: "[[person]]", Key: "person", Lines: []string{`name = "alice"`, line, `roles = ["approver"]`}}}
	c := &config{Channels: []channel{{Name: "docs"}}}
	conftest.Refused(t, good, rows, conf.Keys(&peopleFile{}), func(path string) error {
		_, _, err := c.loadPeople(path)
		return err
	})
}

// TestEffectiveIsAConfiguration: what check-config prints is a file that says the same.
func TestEffectiveIsAConfiguration(t *testing.T) {
	c, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := conf.Effective(&b, c); err != nil {
		t.Fatal(err)
	}
	// What is named beside the file is written as a path from here.
	path := "effective_test.toml"
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(path)
	again, err := load(path)
	if err == nil {
		again.digests = c.digests // of another file
	}
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%v\n%+v\n%+v\n%s", err, again, c, b.String())
	}
}
