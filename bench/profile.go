package bench

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"pawl/framing/seal"
)

// Profile is what pawl-bench calibrate tells pawl-send about a link. It is the one thing of Pawl besides tickets and
// receipts that a person carries from the high side to the low side, so it is short, plain and has no room for more
// than it says: docs/calibrate.md.
type Profile struct {
	Statement
	When  time.Time // UTC, to the second
	Where string    // the link's name, as the person who measured it gave it; see CheckPlace
	By    string    // program and version
	Runs  []Bin     // how often so many packets were lost in a row
}

// ProfileForm is the number of the form that Sign writes.
const ProfileForm = 1

// profileContext begins what is signed, so that a profile is never taken for anything else that the key signs.
const profileContext = "pawl profile v1\x00"

// mostRuns is how many lines the histogram has at most: runs of up to 2^32 packets, two lines for each power of two.
const mostRuns = 64

// CheckPlace says what keeps a text from being a profile's place: it is for people on both sides, 1 to 60 printable
// ASCII characters without quotes, backslashes and other means of hiding something.
func CheckPlace(place string) error {
	if place == "" || len(place) > 60 {
		return fmt.Errorf("place %q: want 1 to 60 characters", place)
	}
	for _, c := range []byte(place) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return fmt.Errorf("place %q: want printable ASCII without quotes and backslashes", place)
		}
	}
	return nil
}

// Sign writes the profile as TOML and signs every octet of it. The signature is the last line, and stands for all
// lines before it.
func (p *Profile) Sign(key *seal.SenderKey) ([]byte, error) {
	for _, text := range []string{p.Where, p.By} {
		if err := CheckPlace(text); err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
	}
	if len(p.Runs) > mostRuns {
		return nil, fmt.Errorf("profile: histogram of %d bins, want at most %d", len(p.Runs), mostRuns)
	}
	text := p.text(key.Public().Fingerprint())
	signature := key.SignProof(ProfileDigest(text))
	return fmt.Appendf(text, "ed25519 = \"%s\"\n", base64.RawURLEncoding.EncodeToString(signature[:])), nil
}

// ProfileDigest is what the signature of a profile covers: the SHA-256 of a context and of all octets before the last line.
// It is signed the way a proof's body is, which begins with other octets and can't be mistaken for it.
func ProfileDigest(text []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(profileContext), text...))
}

// text is the profile up to its signature.
func (p *Profile) text(signer string) []byte {
	b := new(strings.Builder)
	fmt.Fprintf(b, `# What pawl-bench calibrate measured of a link, for "profile" in pawl-send.toml. Signed: a change makes it void.
form        = %d
rate        = "%s"
mtu         = %d
loss        = "%s"
burst       = "%v"
burst_every = "%v"

[measured]
when     = "%s"
where    = "%s"
by       = "%s"
took     = "%v"
packets  = %d
outages  = %d
longest  = "%v"
`, ProfileForm, wholeRate(p.Rate), p.MTU, percent(p.Loss), p.Burst, p.BurstEvery,
		p.When.UTC().Format(time.RFC3339), p.Where, p.By, p.Took.Truncate(time.Millisecond), p.Packets, p.Outages, p.Longest.Truncate(time.Microsecond))
	b.WriteString("runs = [")
	for _, bin := range p.Runs {
		fmt.Fprintf(b, "\n  [%.0f, %d],", bin.At, bin.Count)
	}
	if len(p.Runs) > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, "] # [packets lost in a row, up to and with; how often]\n\n[signature]\nkey     = \"%s\"\n", signer)
	return []byte(b.String())
}

// wholeRate writes a rate exactly, in the largest unit that divides it.
func wholeRate(rate uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if rate%u.size == 0 {
			return fmt.Sprintf("%d%sbit/s", rate/u.size, u.name)
		}
	}
	return fmt.Sprintf("%dbit/s", rate)
}

// percent writes a share per cent, exactly.
func percent(p float64) string {
	v, ok := new(big.Rat).SetString(strconv.FormatFloat(p, 'f', -1, 64))
	if !ok {
		panic(fmt.Sprintf("share %v", p)) // a number that is none: our own bug
	}
	v.Mul(v, big.NewRat(100, 1))
	digits, _ := v.FloatPrec()
	return v.FloatString(digits) + "%"
}
