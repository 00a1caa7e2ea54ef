package main

import (
	"bytes"
	"cmp"
	"os"
	"reflect"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
)

// goodTables are a configuration with every table there is.
var goodTables = []conftest.Table{
	{Lines: []string{`state = "s"`, `key = "sender.key"`, `receiver = "receiver.key.pub"`}},
	{Head: "[link]", Key: "link", Lines: []string{`remote = "10.9.0.2:4600"`, `rate = "1Gbit/s"`}},
	{Head: "[[link.more]]", Key: "link.more", Lines: []string{`remote = "10.9.1.2:4600"`}},
	{Head: "[metrics]", Key: "metrics", Lines: []string{`listen = "127.0.0.1:9131"`}},
	{Head: "[audit]", Key: "audit", Lines: []string{`folder = "."`}},
	{Head: "[[channel]]", Key: "channel", Lines: []string{`id = 1`, `name = "docs"`, `folder = "docs"`}},
	{Head: "[channel.quota]", Key: "channel.quota", Lines: []string{`files = 10`}},
	{Head: "[channel.carousel]", Key: "channel.carousel", Lines: []string{`age = "72h"`}},
	{Head: "[channel.fec]", Key: "channel.fec", Lines: []string{`code = "leopard8"`, `k = 100`, `r = 100`, `depth = 4`}},
	{Head: "[console]", Key: "console", Lines: []string{`listen = "127.0.0.1:8444"`, `certificate = "c.crt"`, `certificate_key = "c.key"`, `clients = ["c.crt"]`}},
	{Head: "[sftp]", Key: "sftp", Lines: []string{`listen = "127.0.0.1:2222"`}},
	{Head: "[[sftp.user]]", Key: "sftp.user", Lines: []string{`name = "alice"`, `keys = "alice.keys"`, `channel = "docs"`}},
}

// wrongRows say for each key what can be wrong with it.
var wrongRows = []conftest.Row{
	{Key: "state", Line: ``, Want: `is missing: write a folder of its own, as in "/var/lib/pawl-send"`},
	{Key: "state", Line: `state = "sender.key"`, Want: "sender.key is not a folder: name another"},
	{Key: "socket", Line: `socket = 4`, Want: "want a string, found integer"},
	{Key: "socket", Line: `socket = "/` + string(bytes.Repeat([]byte("x"), 103)) + `"`, Want: "longer than the 103 octets of a socket's path"},
	{Key: "key", Line: ``, Want: "is missing: write the file that pawl-key sender made"},
	{Key: "key", Line: `key = "none"`, Want: "no such file"},
	{Key: "key", Line: `key = "sender.key.pub"`, Want: "sender.key.pub"},
	{Key: "receiver", Line: ``, Want: "write the file that pawl-key receiver made, FILE.pub"},
	{Key: "receiver", Line: `receiver = "sender.key.pub"`, Want: "sender.key.pub"},
	{Key: "receipt_key", Line: `receipt_key = "sender.key"`, Want: "want a pawl-receipt-secret-1"},
	{Key: "seal", Line: `seal = "rot13"`, Want: `"rot13"`},
	{Key: "log", Line: `log = "xml"`, Want: `neither "text" nor "json"`},
	{Key: "metrics.listen", Line: `listen = "10.9.0.1:9131"`, Want: `write "127.0.0.1:9131" or "unix:/run/pawl/metrics"`},
	{Key: "audit.folder", Line: `folder = "sender.key"`, Want: "sender.key is not a folder: name another"},
	{Key: "audit.key", Line: `key = "sender.key"`, Want: "not an audit key"},
	{Key: "audit.off", Line: `off = true`, Want: "true beside a folder or a key: say one of the two"},
	{Key: "channel.complete", Line: `complete = "renamed"`, Want: `write "rename", "close", "quiet", "ready"`},
	{Key: "channel.group", Line: `group = "folder"`, Want: `write "top", "file" or "quiet"`},
	{Key: "channel.include", Line: `include = ["["]`, Want: "syntax error in pattern"},
	{Key: "channel.exclude", Line: `exclude = ["/abs"]`, Want: `write one such as "*.tmp" or "drafts/*"`},
	{Key: "channel.on_filtered", Line: `on_filtered = "drop"`, Want: `neither "leave" nor "refuse"`},
	{Key: "channel.case_insensitive", Line: `case_insensitive = "yes"`, Want: "want true or false, found string"},
	{Key: "channel.max_file", Line: `max_file = "1MB/s"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.max_transfer", Line: `max_transfer = "much"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.max_entries", Line: `max_entries = -1`, Want: "negative integer value -1"},
	{Key: "sftp.listen", Line: `listen = "localhost:22"`, Want: `write address:port, as in "127.0.0.1:2222"`},
	{Key: "sftp.host_key", Line: `host_key = 1`, Want: "want a string, found integer"},
	{Key: "sftp.max_connections", Line: `max_connections = -1`, Want: "-1 is less than 1"},
	{Key: "sftp.max_open", Line: `max_open = -1`, Want: "-1 is less than 1"},
	{Key: "sftp.idle", Line: `idle = 5`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "sftp.user.name", Line: `name = "../x"`, Want: "is no user name"},
	{Key: "sftp.user.keys", Line: `keys = 1`, Want: "want a string, found integer"},
	{Key: "sftp.user.channel", Line: `channel = "none"`, Want: `no [[channel]] has the name "none"`},
	{Key: "sftp.user.quota", Line: `quota = "much"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "console.listen", Line: ``, Want: `is missing: write where the pages are served, as "127.0.0.1:8444"`},
	{Key: "console.listen", Line: `listen = "here"`, Want: `write "127.0.0.1:8444" or "unix:/run/pawl-send-console/socket"`},
	{Key: "console.listen", Line: `listen = "unix:here"`, Want: "is not an absolute path of a socket"},
	{Key: "console.listen", Line: `listen = "unix:/` + string(bytes.Repeat([]byte("x"), 103)) + `"`, Want: "longer than the 103 octets of a socket's path"},
	{Key: "console.listen", Line: `listen = "unix:/run/x"`, Want: "needs no certificates"},
	{Key: "console.certificate", Line: ``, Want: "is missing beside certificate_key: write both or none"},
	{Key: "console.certificate", Line: `certificate = "none"`, Want: "no such file"},
	{Key: "console.certificate", Line: `certificate = "alice.txt"`, Want: "holds no certificate in PEM"},
	{Key: "console.certificate_key", Line: ``, Want: "is missing beside certificate: write both or none"},
	{Key: "console.certificate_key", Line: `certificate_key = "sender.key"`, Want: "PEM"},
	{Key: "console.clients", Line: `clients = ["none"]`, Want: "no such file"},
	{Key: "console.clients", Line: `clients = ["c.key"]`, Want: "holds no certificate in PEM"},
	{Key: "console.clients", Line: `clients = ["two.crt"]`, Want: "write the browser's own alone"},
	{Key: "link.local", Line: `local = "10.9.0.1"`, Want: "write address:port"},
	{Key: "link.remote", Line: ``, Want: "is missing: write the receiver's address and port"},
	{Key: "link.remote", Line: `remote = "10.9.0.2"`, Want: "write address:port"},
	{Key: "link.remote", Line: `remote = "diode:4600"`, Want: "a diode has no name service"},
	{Key: "link.remote", Line: `remote = "10.9.0.2:0"`, Want: "write one from 1 to 65535"},
	{Key: "link.remote", Line: `remote = "10.9.0.2:70000"`, Want: "write address:port"},
	{Key: "link.rate", Line: ``, Want: `state what the diode carries, as in "1Gbit/s"`},
	{Key: "link.rate", Line: `rate = "100MB/s"`, Want: `write "1Gbit/s", "100Mbit/s" or 1000000`},
	{Key: "link.mtu", Line: `mtu = 100`, Want: "100"},
	{Key: "link.mtu", Line: `mtu = "1500"`, Want: "want a whole number, found string"},
	{Key: "link.loss", Line: `loss = 5`, Want: `write "5%" for per cent`},
	{Key: "link.burst", Line: `burst = 5`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "link.burst_every", Line: `burst_every = "often"`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "link.failure", Line: `failure = "never"`, Want: "want a number, found string"},
	{Key: "link.memory", Line: `memory = "64MB/s"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "link.memory", Line: `memory = "2TiB"`, Want: "more than 1TiB, which no machine has"},
	{Key: "link.gso", Line: `gso = "yes"`, Want: "want true or false, found string"},
	{Key: "link.send_buffer", Line: `send_buffer = "8388608TiB"`, Want: "more than 1TiB, which no machine has"},
	{Key: "link.pace_burst", Line: `pace_burst = "2TiB"`, Want: "more than 1TiB, which no machine has"},
	{Key: "link.profile", Line: `profile = 1`, Want: "want a string, found integer"},
	{Key: "link.profile", Line: `profile = "p.toml"`, Want: "name the public key of whoever measured it"},
	{Key: "link.profile_key", Line: `profile_key = "k.pub"`, Want: "name the profile too, or drop the key"},
	{Key: "link.survive_links", Line: `survive_links = 2`, Want: "write the others as [[link.more]]"},
	{Key: "link.more.remote", Line: ``, Want: `is missing: write address:port, as in "10.9.1.2:4600"`},
	{Key: "link.more.remote", Line: `remote = "10.9.0.2:4600"`, Want: "is used twice"},
	{Key: "link.more.remote", Line: `remote = "[fd00::2]:4600"`, Want: "of another IP version"},
	{Key: "link.more.local", Line: `local = "eth1"`, Want: "write address:port"},
	{Key: "link.more.rate", Line: `rate = "fast"`, Want: `write "1Gbit/s", "100Mbit/s" or 1000000`},
	{Key: "channel.id", Line: ``, Want: "0 is not in 1 to 65535"},
	{Key: "channel.id", Line: `id = 65536`, Want: "65536 is not in 1 to 65535"},
	{Key: "channel.name", Line: ``, Want: "is missing: write what people call the channel"},
	{Key: "channel.folder", Line: ``, Want: "is missing: write the folder that is to hold its outbox"},
	{Key: "channel.folder", Line: `folder = "sender.key"`, Want: "sender.key is not a folder"},
	{Key: "channel.passes", Line: `passes = 256`, Want: "256 is not in 1 to 255"},
	{Key: "channel.pass_gap", Line: `pass_gap = 5`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.quiet", Line: `quiet = "-1s"`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.symlinks", Line: `symlinks = "follow"`, Want: `neither "refuse" nor "skip"`},
	{Key: "channel.priority", Line: `priority = "high"`, Want: `write "urgent", "normal" or "bulk"`},
	{Key: "channel.weight", Line: `weight = 0`, Want: "write 1 for an equal share, 2 for twice as much"},
	{Key: "channel.windows", Line: `windows = ["18-06"]`, Want: `write "Mon-Fri 18:00-06:00 Europe/Berlin"`},
	{Key: "channel.windows", Line: `windows = []`, Want: "leave it out for always"},
	{Key: "channel.quota.bytes", Line: `bytes = "lots"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.quota.files", Line: `files = 0`, Want: "write 1 or more, or leave it out for no bound"},
	{Key: "channel.quota.zone", Line: `zone = "Mars"`, Want: `write one as in "Europe/Berlin" or "UTC"`},
	{Key: "channel.keep_sent", Line: `keep_sent = "a week"`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.keep_sent_bytes", Line: `keep_sent_bytes = "much"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.carousel.age", Line: ``, Want: `is missing: write for how long`},
	{Key: "channel.carousel.age", Line: `age = "long"`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.carousel.bytes", Line: `bytes = "much"`, Want: `write "128MiB", "10KiB" or 4096`},
	{Key: "channel.carousel.rounds", Line: `rounds = 21`, Want: "write 1 to 20, or leave it out for 3"},
	{Key: "channel.carousel.gap", Line: `gap = 5`, Want: `write "5ms", "30s" or "7d"`},
	{Key: "channel.fec.loss", Line: `loss = 5`, Want: `write "5%" for per cent`},
	{Key: "channel.fec.loss", Line: `loss = "1%"`, Want: "stands beside a code by hand: say one of the two"},
	{Key: "channel.fec.burst", Line: `burst = "20ms"`, Want: "stands beside a code by hand: say one of the two"},
	{Key: "channel.fec.burst_every", Line: `burst_every = "1s"`, Want: "stands beside a code by hand: say one of the two"},
	{Key: "channel.fec.failure", Line: `failure = 1e-9`, Want: "stands beside a code by hand: say one of the two"},
	{Key: "channel.fec.code", Line: `code = "xor"`, Want: `"xor"`},
	{Key: "channel.fec.k", Line: `k = "many"`, Want: "want a whole number, found string"},
	{Key: "channel.fec.r", Line: `r = 1.5`, Want: "want a whole number, found float"},
	{Key: "channel.fec.depth", Line: `depth = 0`, Want: "0 is less than 1"},
}

// TestEveryWrongKey: file, line, key and what to write instead, for every key that there is.
func TestEveryWrongKey(t *testing.T) {
	t.Chdir(t.TempDir())
	from, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	to, err := seal.GenerateReceiverKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveSender("sender.key", from, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveReceiver("receiver.key", to, time.Now()); err != nil {
		t.Fatal(err)
	}
	one, key := certificate(t)
	for name, text := range map[string][]byte{"c.crt": one, "c.key": key, "two.crt": append(one, one...), "alice.txt": []byte("x")} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	conftest.Refused(t, goodTables, wrongRows, conf.Keys(&config{}), func(path string) error {
		c, err := frame().Load(path)
		if err != nil {
			return err
		}
		return conf.Locate(path, cmp.Or(c.file.checkFolders(), c.file.Console.checkFiles()))
	})
}

// TestEffectiveIsAConfiguration: what check-config prints is a file that says the same.
func TestEffectiveIsAConfiguration(t *testing.T) {
	c, err := load(conftest.Uncommented(t, example, 10))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*config{c, plain} {
		var b bytes.Buffer
		if err := conf.Effective(&b, c.effective()); err != nil {
			t.Fatal(err)
		}
		path := t.TempDir() + "/c.toml"
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := load(path)
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		again.digest = c.digest
		if !reflect.DeepEqual(again, c.effective()) {
			t.Errorf("%+v\n%+v\n%s", again, c.effective(), b.String())
		}
	}
}
