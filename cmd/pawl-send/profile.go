package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
)

// profile is a file that pawl-bench calibrate has written: what a link was measured to do. docs/calibrate.md has its form.
type profile struct {
	Form       int             `toml:"form"`
	Rate       conf.Rate       `toml:"rate"`
	MTU        int             `toml:"mtu"`
	Loss       conf.Percent    `toml:"loss"`
	Burst      conf.Duration   `toml:"burst"`
	BurstEvery conf.Duration   `toml:"burst_every"`
	Measured   measured        `toml:"measured"`
	Signature  signatureOfFile `toml:"signature"`

	text []byte // the whole file
}

// measured is for people; only when, where and by are shown.
type measured struct {
	When    string        `toml:"when"`
	Where   string        `toml:"where"`
	By      string        `toml:"by"`
	Took    conf.Duration `toml:"took"`
	Packets uint64        `toml:"packets"`
	Outages uint64        `toml:"outages"`
	Longest conf.Duration `toml:"longest"`
	Runs    [][2]uint64   `toml:"runs"`
}

type signatureOfFile struct {
	Key     string `toml:"key"` // fingerprint, so that an error can name whose signature it is
	Ed25519 string `toml:"ed25519"`
}

const (
	profileForm    = 1
	profileContext = "pawl profile v1\x00"
	profileLimit   = 8 << 10 // octets: the longest that is written has 2,100
	lastLine       = "ed25519 = \""
)

// errSignature is wrapped by every refusal of a profile that the configured key does not vouch for.
var errSignature = errors.New("signature")

// withProfile is the configuration at path with what its profile says where the file says nothing, and the profile's
// octets; c itself and none if it names no profile.
func (c *config) withProfile(path string) (*config, []byte, error) {
	if c.Link.Profile == "" {
		if c.Link.ProfileKey != "" {
			return nil, nil, conf.Wrong("link.profile_key", "is there without link.profile: name the profile too, or drop the key")
		}
		return c, nil, nil
	}
	p, err := readProfile(c.Link.Profile, c.Link.ProfileKey)
	if err != nil {
		return nil, nil, err
	}
	filled := defaults()
	p.fill(&filled.Link)
	if err := conf.Load(path, filled); err != nil {
		return nil, nil, err
	}
	return filled, p.text, p.fits(filled.Link)
}

// readProfile reads a profile and holds it to the public key in keyPath. Errors name the file and what to do.
func readProfile(path, keyPath string) (*profile, error) {
	if keyPath == "" {
		return nil, conf.Wrong("link.profile", "%q: link.profile_key is missing: name the public key of whoever measured it (pawl-key sender made it: FILE.pub)", path)
	}
	key, err := keyfile.SenderPublic(keyPath)
	if err != nil {
		return nil, conf.At("link.profile_key", err)
	}
	p := new(profile)
	if p.text, err = readShort(path); err != nil {
		return nil, conf.At("link.profile", err)
	}
	signed, signature, err := cutSignature(p.text)
	if err == nil && !key.VerifyProof(sha256.Sum256(append([]byte(profileContext), signed...)), signature) {
		err = fmt.Errorf("not by link.profile_key %s (%s), or the file was changed: bring it anew, or the right key", keyPath, key.Fingerprint())
	}
	if err != nil {
		return nil, conf.Wrong("link.profile", "%s: %w: %w", path, errSignature, err)
	}
	if err := conf.Load(path, p); err != nil {
		return nil, fmt.Errorf("link.profile: %w", err) // of the profile, with its own place
	}
	switch again, err := readShort(path); {
	case err != nil:
		return nil, conf.At("link.profile", err)
	case !bytes.Equal(again, p.text):
		return nil, conf.Wrong("link.profile", "%s: %w: the file changed while it was read", path, errSignature)
	case p.Form != profileForm:
		return nil, conf.Wrong("link.profile", "%s: form %d, this program reads form %d: measure with the pawl-bench of this version", path, p.Form, profileForm)
	case p.Rate == 0 || p.MTU == 0:
		return nil, conf.Wrong("link.profile", "%s: it has no rate or no mtu", path)
	}
	return p, nil
}

// readShort reads a file that must be no larger than a profile.
func readShort(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, profileLimit+1))
	if err == nil && len(text) > profileLimit {
		err = fmt.Errorf("%s has more than %d octets: not a profile", path, profileLimit)
	}
	return text, err
}

// cutSignature parts a profile into what is signed and the signature, its last line.
func cutSignature(text []byte) (signed []byte, signature [64]byte, err error) {
	at := bytes.LastIndex(text, []byte("\n"+lastLine)) + 1
	value, ended := strings.CutSuffix(string(text[at:]), "\"\n")
	value, begun := strings.CutPrefix(value, lastLine)
	if at == 0 || !begun || !ended {
		return nil, signature, errors.New("the last line is not one: the file is no profile, or not all of it")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) != len(signature) {
		return nil, signature, errors.New("the last line is damaged: bring the file anew")
	}
	return text[:at], [64]byte(raw), nil
}

// fill puts what was measured under the settings of a link; what the configuration says itself is read over it.
func (p *profile) fill(l *linkConfig) {
	l.Rate, l.Loss, l.Burst, l.BurstEvery = p.Rate, p.Loss, p.Burst, p.BurstEvery
}

// fits refuses a link whose packets are larger than those that were seen to cross.
func (p *profile) fits(l linkConfig) error {
	ipv6, err := l.ipv6()
	if err != nil {
		return err
	}
	measured, err := framing.SymbolSize(p.MTU, ipv6)
	if err != nil {
		return conf.At("link.profile", err)
	}
	wanted, err := framing.SymbolSize(l.MTU, ipv6)
	if err != nil {
		return conf.At("link.mtu", err)
	}
	if wanted > measured {
		return conf.Wrong("link.mtu", "%d, but the profile was measured with %d: measure again with the larger, or take the smaller", l.MTU, p.MTU)
	}
	return nil
}
