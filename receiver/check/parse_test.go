package check

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"
)

func TestVersionOfClamd(t *testing.T) {
	version, made, err := parseVersion("ClamAV 1.4.6/27812/Sun Nov  2 08:24:03 2025")
	if err != nil || !strings.HasPrefix(version, "ClamAV 1.4.6/") || !made.Equal(time.Date(2025, 11, 2, 8, 24, 3, 0, time.Local)) {
		t.Errorf("%q, %v, %v", version, made, err)
	}
	for _, text := range []string{"", "ClamAV", "ClamAV 1/2/3", "ClamAV 1/2/Sun Nov  2 08:24:03 2025/4", "ClamAV \x1b", "UNKNOWN COMMAND"} {
		if version, made, err := parseVersion(text); err == nil {
			t.Errorf("%q is %q, %v", text, version, made)
		}
	}
}

// FuzzScan: only the one answer that says so is a yes.
func FuzzScan(f *testing.F) {
	for _, text := range []string{"stream: OK", "stream: Eicar FOUND", "stream:  FOUND", "stream: x ERROR", "INSTREAM size limit exceeded. ERROR", "stream: OK\n", "stream: a\x1b FOUND"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := parseScan(text)
		if (err == nil && found == "") != (text == "stream: OK") || found != "" && text != "stream: "+found+" FOUND" || found != "" && !isWord(found) {
			t.Errorf("%q: %q, %v", text, found, err)
		}
		if version, _, err := parseVersion(text); err == nil && (version != text || !isWord(version)) {
			t.Errorf("%q is version %q", text, version)
		}
	})
}

// TestMinisignParses: the four lines and nothing else.
func TestMinisignParses(t *testing.T) {
	good := "untrusted comment: c\n" + base64.StdEncoding.EncodeToString(append([]byte("ED"), make([]byte, 72)...)) + "\ntrusted comment: t\n" +
		base64.StdEncoding.EncodeToString(make([]byte, 64)) + "\n"
	if m, err := parseMinisig(good); err != nil || !m.prehashed || m.comment != "t" {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := parseMinisig(strings.ReplaceAll(good, "\n", "\r\n")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", good + "\n", good[1:], good[:len(good)-3], strings.Replace(good, "RUQA", "RUUA", 1), strings.Replace(good, "trusted comment: t", "trusted: t", 1),
		"untrusted comment: c\n\ntrusted comment: \n\n"} {
		if m, err := parseMinisig(bad); err == nil {
			t.Errorf("%q is %+v", bad, m)
		}
	}
	old := strings.Replace(good, base64.StdEncoding.EncodeToString([]byte("ED\x00")), base64.StdEncoding.EncodeToString([]byte("Ed\x00")), 1)
	if err := verifyMinisign(old, [64]byte{}, nil); err == nil || !strings.Contains(err.Error(), "old kind") {
		t.Errorf("old kind: %v", err)
	}
	var k MinisignKey
	for _, bad := range []string{"", "RW", "ssh-ed25519 AAAA", "RWQ" + strings.Repeat("!", 53)} {
		if err := k.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}

func FuzzMinisig(f *testing.F) {
	f.Add("untrusted comment: c\n" + base64.StdEncoding.EncodeToString(append([]byte("ED"), make([]byte, 72)...)) + "\ntrusted comment: t\n" +
		base64.StdEncoding.EncodeToString(make([]byte, 64)) + "\n")
	keys := []MinisignKey{{}}
	f.Fuzz(func(t *testing.T, text string) {
		if err := verifyMinisign(text, blake2b.Sum512(nil), keys); err == nil {
			t.Errorf("%q is a signature by nobody", text)
		}
	})
}

func FuzzSSHSig(f *testing.F) {
	const example = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAEZmlsZQAAAAAAAAAGc2hhNTEyAAAAUwAAAAtzc2gtZWQyNTUxOQAAAEAA
-----END SSH SIGNATURE-----
`
	f.Add(example)
	f.Add(strings.ReplaceAll(example, "\n", "\r\n"))
	var key SSHKey
	if err := key.UnmarshalText([]byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBiUt4H5GfnrxgGMUQTs2VlCtUpvGm1k4pKTrPMsGZ4A x")); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := verifySSH(text, "file", sha256.Sum256(nil), sha512.Sum512(nil), []SSHKey{key}); err == nil {
			t.Errorf("%q is a signature by nobody", text)
		}
	})
}

// TestClaimsAreSortedOut: what content is, what it is called, and what is allowed.
func TestClaimsAreSortedOut(t *testing.T) {
	r := TypeRule{Allow: []string{"image/*", "application/pdf", "text/x-sh"}, Deny: []string{"application/x-elf"}}
	for _, tc := range []struct {
		name  string
		types []string
		want  string
	}{
		{"a.png", []string{"image/png"}, ""}, {"a.PNG", []string{"image/png"}, ""}, {"a.jpg", []string{"image/png"}, "type mismatch"}, {"a.dat", []string{"image/png"}, ""},
		{"a", []string{"text/plain"}, "not allowed"}, {"a", []string{"inode/x-empty"}, ""}, {"a", nil, "no type"},
		{"a", []string{"text/x-sh", "application/x-elf", "application/octet-stream"}, "denied"}, {"a.txt", []string{"text/x-sh", "text/plain"}, "type mismatch"},
	} {
		err := r.judge(tc.name, tc.types)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %v: %v, want %q", tc.name, tc.types, err, tc.want)
		}
	}
}
