package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type sample struct {
	State  string
	Seal   string
	Memory Size
	Idle   Duration
	Link   struct {
		Remote     string
		Rate       Rate
		MTU        int `toml:"mtu"`
		Loss       Percent
		Burst      Duration
		BurstEvery Duration `toml:"burst_every"`
	}
	Channel []struct {
		ID     uint16
		Name   string
		Folder string
		Quota  Size
		Passes int
		FEC    *struct {
			K int
			R int
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("x.toml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "x.toml"
}

func TestLoad(t *testing.T) {
	var got sample
	got.Seal = "aes-256-gcm"
	err := Load(write(t, `
state = "/var/lib/pawl"
memory = 134217728
[link]
rate = "1Gbit/s"
loss = 0.005
burst = "5ms"
burst_every = "1d"
[[channel]]
id = 1
quota = "10KiB"
[[channel]]
id = 2
[channel.fec]
k = 7
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Seal != "aes-256-gcm" || got.Memory != 128<<20 || got.Link.Rate != 1e9 || got.Link.Loss != 0.005 ||
		time.Duration(got.Link.Burst) != 5*time.Millisecond || time.Duration(got.Link.BurstEvery) != 24*time.Hour ||
		len(got.Channel) != 2 || got.Channel[0].Quota != 10240 || got.Channel[1].FEC.K != 7 {
		t.Errorf("loaded %+v", got)
	}
}

func TestLoadMissing(t *testing.T) {
	err := Load(filepath.Join(t.TempDir(), "none.toml"), &sample{})
	if !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "read configuration: open ") {
		t.Errorf("error %v", err)
	}
}

// TestLoadWrong holds the exact text that people see for wrong configurations.
func TestLoadWrong(t *testing.T) {
	for _, tc := range wrong {
		t.Run(tc.name, func(t *testing.T) {
			err := Load(write(t, tc.text), &sample{})
			if err == nil {
				t.Fatal("accepted")
			}
			if got := err.Error(); got != tc.want {
				t.Errorf("error\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestLoadUnknownIs(t *testing.T) {
	if err := Load(write(t, "sael = \"none\"\n"), &sample{}); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("%v is not ErrUnknownKey", err)
	}
}
