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
	"pawl/receiver"
)

// example is the file in the docs that people start from.
const example = "../../docs/examples/pawl-receive.toml"

func TestExampleLoads(t *testing.T) {
	c, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	if c.Memory != 128<<20 || c.Idle != conf.Duration(30*time.Second) || c.Seal != "aes-256-gcm" || c.Link.MTU != 1500 || len(c.Channels) != 1 {
		t.Fatalf("defaults are not those that the comments name: %+v", c)
	}
}

// TestExampleDefaults holds the commented lines to the defaults: uncommented, they change nothing.
func TestExampleDefaults(t *testing.T) {
	all, err := load(conftest.Uncommented(t, example, 5))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	if all.Channels[0].MaxTransfers != 256 {
		t.Fatalf("max_transfers %d", all.Channels[0].MaxTransfers)
	}
	if all.Channels[0].Grace != conf.Duration(receiver.DefaultGrace) {
		t.Fatalf("expect_grace %v", all.Channels[0].Grace)
	}
	all.Channels[0].MaxTransfers, all.Channels[0].Grace = 0, 0 // the receiver's own default
	if !reflect.DeepEqual(all.Channels, plain.Channels) || !reflect.DeepEqual(all.Link, plain.Link) || all.Memory != plain.Memory ||
		all.Idle != plain.Idle || all.Seal != plain.Seal || all.Log != plain.Log {
		t.Fatalf("a comment names another default:\n%+v\n%+v", all, plain)
	}
}

func TestWrongConfiguration(t *testing.T) {
	good := `quarantine = "q"
state = "s"
key = "k"
sender = "p"
[link]
listen = "10.9.0.2:4600"
[[channel]]
id = 1
name = "updates"
`
	for _, c := range []struct{ name, from, to, want string }{
		{"no quarantine", `quarantine = "q"`, ``, "quarantine: is missing"},
		{"typo", `listen =`, `lisen =`, `did you mean "listen"`},
		{"seal", `state = "s"`, "state = \"s\"\nseal = \"rot13\"", "seal"},
		{"second link without address", `[[channel]]`, "[[link.more]]\n[[channel]]", "link.more.listen: is missing"},
		{"second link is the first", `[[channel]]`, "[[link.more]]\nlisten = \"10.9.0.2:4600\"\n[[channel]]", "used twice"},
		{"second link of IPv6", `[[channel]]`, "[[link.more]]\nlisten = \"[fd00::2]:4600\"\n[[channel]]", "another IP version"},
		{"host name", `10.9.0.2:4600`, `diode:4600`, `"diode" is not an address`},
		{"no port", `10.9.0.2:4600`, `10.9.0.2`, "write address:port"},
		{"method", `[link]`, "[link]\nmethod = \"fast\"", "link.method"},
		{"mtu", `[link]`, "[link]\nmtu = 576", "link.mtu"},
		{"no channel", "[[channel]]\nid = 1\nname = \"updates\"\n", "", "no [[channel]]"},
		{"id", `id = 1`, `id = 0`, "id: 0 is not in 1 to 65535"},
		{"twice", "name = \"updates\"\n", "name = \"updates\"\n[[channel]]\nid = 1\nname = \"other\"\n", "used twice"},
		{"expectation", "id = 1\n", "id = 1\nexpect = [\"daily 6\"]\n", `channel.expect: "daily 6": want "daily 06:00"`},
		{"grace", "id = 1\n", "id = 1\nexpect_grace = \"-1h\"\n", "expect_grace"},
		{"idle", `state = "s"`, "state = \"s\"\nidle = \"1ms\"", "idle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.from, c.to, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			path := filepath.Join(t.TempDir(), "pawl-receive.toml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := load(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("got %v, want the file and %q", err, c.want)
			}
		})
	}
}
