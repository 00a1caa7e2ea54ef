package conf

import (
	"strings"
	"testing"
)

type serviceSample struct {
	Log     LogStyle
	Metrics Metrics
}

func TestServiceKeys(t *testing.T) {
	for _, tc := range []struct{ text, network, address string }{
		{"", "", ""},
		{"listen = \"\"", "", ""},
		{"listen = \"127.0.0.1:9131\"", "tcp", "127.0.0.1:9131"},
		{"listen = \"127.8.0.1:1\"", "tcp", "127.8.0.1:1"},
		{"listen = \"[::1]:9131\"", "tcp", "[::1]:9131"},
		{"listen = \"unix:/run/pawl/send\"", "unix", "/run/pawl/send"},
	} {
		var got serviceSample
		if err := Load(write(t, "log = \"json\"\n[metrics]\n"+tc.text+"\n"), &got); err != nil {
			t.Fatalf("%s: %v", tc.text, err)
		}
		if network, address := got.Metrics.Listen.Network(); network != tc.network || address != tc.address || got.Log != LogJSON {
			t.Errorf("%s: %q %q, log %q", tc.text, network, address, got.Log)
		}
	}
}

func TestServiceKeysRefuse(t *testing.T) {
	for text, want := range map[string]string{
		"log = \"xml\"":                                                  `x.toml:1: log: "xml" is neither "text" nor "json"`,
		"log = 1":                                                        `x.toml:1: log: "1" is neither "text" nor "json"`,
		"[metrics]\nlisten = \"0.0.0.0:9131\"":                           `x.toml:2: metrics.listen: "0.0.0.0:9131" can be reached from outside`,
		"[metrics]\nlisten = \"10.9.0.2:9131\"":                          `write "127.0.0.1:9131" or "unix:/run/pawl/metrics"`,
		"[metrics]\nlisten = \"[::ffff:1.2.3.4]:1\"":                     "can be reached from outside",
		"[metrics]\nlisten = \"[::]:9131\"":                              "can be reached from outside",
		"[metrics]\nlisten = \"localhost:9131\"":                         "is not an address with a port",
		"[metrics]\nlisten = \"127.0.0.1\"":                              "is not an address with a port",
		"[metrics]\nlisten = \"127.0.0.1:0\"":                            "has no port",
		"[metrics]\nlisten = \"unix:metrics\"":                           "is not an absolute path",
		"[metrics]\nlisten = \"unix:/run/\"":                             "is not an absolute path",
		"[metrics]\nlisten = \"unix:/" + strings.Repeat("x", 103) + "\"": "longer than the 103 octets",
		"[metrics]\nlisten = 9131":                                       "is not an address with a port",
	} {
		if err := Load(write(t, text+"\n"), new(serviceSample)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant %s", text, err, want)
		}
	}
}
