package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/bench"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
)

// profiled is a folder with a signed profile, its key, and what a configuration needs.
type profiled struct {
	t    *testing.T
	dir  string
	key  *seal.SenderKey
	text []byte // of the profile
}

func newProfiled(t *testing.T) profiled {
	t.Helper()
	p := profiled{t: t, dir: t.TempDir()}
	var err error
	if p.key, err = seal.GenerateSenderKey(); err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveSender(p.at("bench.key"), p.key, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	written := bench.Profile{
		Statement: bench.Statement{Rate: 2_500_000_000, MTU: 1500, Loss: 0.0134, Burst: 7500 * time.Microsecond, BurstEvery: 98 * time.Millisecond,
			Packets: 5_000_000, Took: time.Minute, Outages: 12, Longest: 5 * time.Millisecond},
		When: time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC), Where: "rack 4, diode 2", By: "pawl-bench v1", Runs: []bench.Bin{{At: 1, Count: 1000}, {At: 1024, Count: 12}},
	}
	if p.text, err = written.Sign(p.key); err != nil {
		t.Fatal(err)
	}
	p.write("link.profile", p.text)
	return p
}

func (p profiled) at(name string) string { return filepath.Join(p.dir, name) }

func (p profiled) write(name string, text []byte) {
	p.t.Helper()
	if err := os.WriteFile(p.at(name), text, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// load loads a configuration whose [link] table has these lines beside the remote address.
func (p profiled) load(lines string) (*config, error) {
	p.t.Helper()
	lines = strings.NewReplacer("DIR", p.dir).Replace(lines)
	p.write("send.toml", fmt.Appendf(nil, `state = %q
key = "k"
receiver = "r"
[link]
remote = "10.9.0.2:4600"
%s
[[channel]]
id = 1
name = "a"
folder = "f"
`, p.dir, lines))
	return load(p.at("send.toml"))
}

const named = "profile = \"DIR/link.profile\"\nprofile_key = \"DIR/bench.key.pub\"\n"

// TestProfileFills: what bench writes fills what the file leaves out, and nothing else.
func TestProfileFills(t *testing.T) {
	p := newProfiled(t)
	c, err := p.load(named)
	if err != nil {
		t.Fatal(err)
	}
	want := linkConfig{Rate: 2_500_000_000, Loss: 0.0134, Burst: conf.Duration(7500 * time.Microsecond), BurstEvery: conf.Duration(98 * time.Millisecond)}
	if l := c.Link; l.Rate != want.Rate || l.Loss != want.Loss || l.Burst != want.Burst || l.BurstEvery != want.BurstEvery || l.MTU != 1500 || !l.GSO {
		t.Errorf("loaded %+v", l)
	}
	c, err = p.load(named + "rate = \"1Gbit/s\"\nburst_every = \"0s\"\nloss = \"0%\"\nburst = \"0s\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Link; l.Rate != 1e9 || l.Loss != 0 || l.Burst != 0 || l.BurstEvery != 0 {
		t.Errorf("explicit keys don't win: %+v", l)
	}
	plain, err := p.load("rate = \"1Gbit/s\"\n")
	if err != nil || plain.digest == c.digest {
		t.Errorf("%v; the digest does not tell that there is a profile", err)
	}
}

// TestProfileRefused: each error says what to do.
func TestProfileRefused(t *testing.T) {
	p := newProfiled(t)
	other, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveSender(p.at("other.key"), other, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	sign := func(text string) []byte { // a well signed text that is no good profile
		body, _, _ := strings.Cut(text, lastLine)
		signature := p.key.SignProof(bench.ProfileDigest([]byte(body)))
		return fmt.Appendf([]byte(body), "%s%s\"\n", lastLine, base64.RawURLEncoding.EncodeToString(signature[:]))
	}
	text := string(p.text)
	for name, c := range map[string]struct {
		file  []byte
		lines string
		says  string
		is    error
	}{
		"no key":         {p.text, "profile = \"DIR/link.profile\"\n", "profile_key is missing", nil},
		"key alone":      {p.text, "profile_key = \"DIR/bench.key.pub\"\nrate = \"1Gbit/s\"\n", "without link.profile", nil},
		"other key":      {p.text, strings.Replace(named, "bench.key", "other.key", 1), "or the right key", errSignature},
		"secret key":     {p.text, strings.Replace(named, ".pub", "", 1), "found a pawl-sender-secret-1", seal.ErrKey},
		"no file":        {p.text, strings.Replace(named, "link.profile", "none", 1), "no such file", os.ErrNotExist},
		"changed":        {[]byte(strings.Replace(text, "1.34%", "0.34%", 1)), named, "was changed", errSignature},
		"comment added":  {append([]byte("# x\n"), p.text...), named, "was changed", errSignature},
		"line added":     {append(bytes.Clone(p.text), "x = 1\n"...), named, "last line", errSignature},
		"cut":            {p.text[:len(p.text)-40], named, "last line", errSignature},
		"empty":          {nil, named, "last line", errSignature},
		"letter":         {[]byte(strings.Replace(text, lastLine, lastLine+"!", 1)), named, "damaged", errSignature},
		"long":           {bytes.Repeat([]byte("#\n"), profileLimit), named, "not a profile", nil},
		"later form":     {sign(strings.Replace(text, "form        = 1", "form        = 2", 1)), named, "form 2", nil},
		"unknown key":    {sign(strings.Replace(text, "form ", "from ", 1)), named, "from: unknown key", conf.ErrUnknownKey},
		"no rate":        {sign(strings.Replace(text, "2500M", "0", 1)), named, "no rate", nil},
		"larger packets": {p.text, named + "mtu = 9000\n", "measure again", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p.write("link.profile", c.file)
			_, err := p.load(c.lines)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "send.toml") || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v; want %q, %v", err, c.says, c.is)
			}
		})
	}
}
