package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
)

// goodTables are a configuration with every table there is.
var goodTables = []conftest.Table{
	{Lines: []string{`quarantine = "q"`, `state = "s"`, `key = "receiver.key"`, `sender = "sender.key.pub"`}},
	{Head: "[link]", Key: "link", Lines: []string{`listen = "10.9.0.2:4600"`}},
	{Head: "[[link.more]]", Key: "link.more", Lines: []string{`listen = "10.9.1.2:4600"`}},
	{Head: "[metrics]", Key: "metrics", Lines: []string{`listen = "127.0.0.1:9132"`}},
	{Head: "[[channel]]", Key: "channel", Lines: []string{`id = 1`, `name = "docs"`}},
}

// wrongRows say for each key what can be wrong with it.
var wrongRows = []conftest.Row{
	{Key: "quarantine", Line: ``, Want: "is missing: write the folder that pawl-release reads too"},
	{Key: "quarantine", Line: `quarantine = "receiver.key"`, Want: "receiver.key is not a folder"},
	{Key: "state", Line: ``, Want: `is missing: write a folder of its own, as in "/var/lib/pawl-receive"`},
	{Key: "state", Line: `state = "receiver.key"`, Want: "receiver.key is not a folder"},
	{Key: "key", Line: ``, Want: "is missing: write the file that pawl-key receiver made"},
	{Key: "key", Line: `key = "none"`, Want: "no such file"},
	{Key: "sender", Line: ``, Want: "is missing: write the sender's public key, FILE.pub of pawl-key sender"},
	{Key: "sender", Line: `sender = "receiver.key.pub"`, Want: "receiver.key.pub"},
	{Key: "seal", Line: `seal = "rot13"`, Want: `"rot13"`},
	{Key: "memory", Line: `memory = "1MiB"`, Want: "1MiB is too little: give it at least 16MiB"},
	{Key: "memory", Line: `memory = "9000000TiB"`, Want: "more than 1TiB, which no machine has"},
	{Key: "memory", Line: `memory = "128"`, Want: "128 is too little"},
	{Key: "idle", Line: `idle = "1ms"`, Want: "less than 1s would put transfers aside between two packets"},
	{Key: "idle", Line: `idle = 30`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "log", Line: `log = ""`, Want: `neither "text" nor "json"`},
	{Key: "confine", Line: `confine = "yes"`, Want: `none of "best", "required" and "off"`},
	{Key: "metrics.listen", Line: `listen = "0.0.0.0:9132"`, Want: `write "127.0.0.1:9132" or "unix:/run/pawl/metrics"`},
	{Key: "link.listen", Line: ``, Want: "is missing: write the address of the diode's NIC and a port"},
	{Key: "link.listen", Line: `listen = "diode:4600"`, Want: "name the diode's NIC by its address"},
	{Key: "link.listen", Line: `listen = "10.9.0.2"`, Want: "write address:port"},
	{Key: "link.listen", Line: `listen = "10.9.0.2:http"`, Want: "write address:port"},
	{Key: "link.listen", Line: `listen = "10.9.0.2:0"`, Want: "write one from 1 to 65535"},
	{Key: "link.mtu", Line: `mtu = 100`, Want: "100"},
	{Key: "link.receive_buffer", Line: `receive_buffer = "2TiB"`, Want: "more than 1TiB, which no machine has"},
	{Key: "link.method", Line: `method = "fast"`, Want: `none of "auto", "gro", "mmsg" and "plain"`},
	{Key: "link.more.listen", Line: ``, Want: `is missing: write address:port, as in "10.9.1.2:4600"`},
	{Key: "link.more.listen", Line: `listen = "10.9.0.2:4600"`, Want: "is used twice"},
	{Key: "link.more.listen", Line: `listen = "[fd00::2]:4600"`, Want: "of another IP version"},
	{Key: "channel.id", Line: ``, Want: "0 is not in 1 to 65535"},
	{Key: "channel.id", Line: `id = -1`, Want: "-1 is not in 1 to 65535"},
	{Key: "channel.name", Line: ``, Want: "is missing: write what people call the channel"},
	{Key: "channel.quota", Line: `quota = "much"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.max_transfer", Line: `max_transfer = -5`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.expect", Line: `expect = ["daily 6"]`, Want: `want "daily 06:00"`},
	{Key: "channel.expect_grace", Line: `expect_grace = 5`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.max_transfers", Line: `max_transfers = 5000`, Want: "5000 is not in 1 to 4096"},
}

// TestEveryWrongKey: file, line, key and what to write instead, for every key that there is.
func TestEveryWrongKey(t *testing.T) {
	t.Chdir(keys(t))
	conftest.Refused(t, goodTables, wrongRows, conf.Keys(&config{}), func(path string) error {
		c, err := frame("", held{}).Load(path)
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
	if err := conf.Effective(&b, c.effective()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := load(path)
	if err != nil || !reflect.DeepEqual(again, c.effective()) {
		t.Errorf("%v\n%+v\n%+v\n%s", err, again, c.effective(), b.String())
	}
}
