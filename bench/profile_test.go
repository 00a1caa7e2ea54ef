package bench

import (
	"bytes"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"pawl/framing/seal"
)

// profileText is a profile up to its signature, octet for octet: what docs/calibrate.md shows.
const profileText = `# What pawl-bench calibrate measured of a link, for "profile" in pawl-send.toml. Signed: a change makes it void.
form        = 1
rate        = "1Gbit/s"
mtu         = 1500
loss        = "0.0134%"
burst       = "7.5ms"
burst_every = "98ms"

[measured]
when     = "2026-11-23T20:00:00Z"
where    = "rack 4, diode 2"
by       = "pawl-bench v1.2.3"
took     = "1m0s"
packets  = 5000000
outages  = 600
longest  = "5ms"
runs = [
  [1, 640],
  [512, 600],
] # [packets lost in a row, up to and with; how often]

[signature]
key     = "KEY"
`

func TestProfile(t *testing.T) {
	key, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	p := Profile{
		Statement: Statement{Rate: 1e9, MTU: 1500, Loss: 0.000134, Burst: 7500 * time.Microsecond, BurstEvery: 98 * time.Millisecond,
			Packets: 5e6, Took: time.Minute, Outages: 600, Longest: 5 * time.Millisecond},
		When: time.Date(2026, 11, 23, 21, 0, 0, 0, time.FixedZone("", 3600)), Where: "rack 4, diode 2", By: "pawl-bench v1.2.3",
		Runs: []Bin{{At: 1, Count: 640}, {At: 512, Count: 600}},
	}
	text, err := p.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(profileText, "KEY", key.Public().Fingerprint(), 1)
	signed, last, _ := bytes.Cut(text, []byte("ed25519 = "))
	if string(signed) != want {
		t.Errorf("wrote\n%s\nwant\n%s", signed, want)
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Trim(string(last), "\"\n"))
	if err != nil || len(raw) != 64 || !key.Public().VerifyProof(ProfileDigest(signed), [64]byte(raw)) {
		t.Errorf("the signature does not hold: %q, %v", last, err)
	}
	for _, place := range []string{"", "a\"b", "a\\b", "line\nbreak", "é", strings.Repeat("x", 61)} {
		p.Where = place
		if _, err := p.Sign(key); err == nil {
			t.Errorf("place %q is taken", place)
		}
	}
	p.Where, p.Runs = "x", make([]Bin, mostRuns+1)
	if _, err := p.Sign(key); err == nil {
		t.Error("a histogram without end is taken")
	}
}

// TestProfilePage: the page shows what is written.
func TestProfilePage(t *testing.T) {
	page, err := os.ReadFile("../docs/calibrate.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```toml\n"+profileText) {
		t.Errorf("docs/calibrate.md does not have\n%s", profileText)
	}
}

func TestRoundUp(t *testing.T) {
	for p, want := range map[float64]string{0: "0%", 1: "100%", 0.0134: "1.34%", 0.013401: "1.35%", 1e-6: "0.0001%", 6.9077e-9: "0.000000691%", 0.9999: "100%"} {
		if got := percent(roundUp(p)); got != want {
			t.Errorf("%v: %s, want %s", p, got, want)
		}
	}
}
