package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
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
	{Key: "channel.release", Line: `release = "maybe"`, Want: `neither "auto" nor "hold"`},
	{Key: "channel.keep_content", Line: `keep_content = "no"`, Want: "want true or false, found string"},
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
	good := []conftest.Table{
		{Lines: []string{`quarantine = "q"`, `sender = "sender.key.pub"`}},
		{Head: "[audit]", Key: "audit", Lines: []string{`folder = "` + dir + `"`, `key = "audit.key"`}},
		{Head: "[metrics]", Key: "metrics", Lines: []string{`listen = "unix:/run/pawl-release/metrics"`}},
		{Head: "[[channel]]", Key: "channel", Lines: []string{`id = 1`, `name = "docs"`, `inbox = "` + dir + `"`}},
	}
	conftest.Refused(t, good, wrongRows, conf.Keys(&config{}), func(path string) error {
		c, err := frame().Load(path)
		if err != nil {
			return err
		}
		return conf.Locate(path, c.file.checkFolders())
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
	path := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := load(path)
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("%v\n%+v\n%+v\n%s", err, again, c, b.String())
	}
}
