package person

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pawl/framing/merkle"
)

// cheap is a cost that tests can bear by the hundred.
var cheap = cost{time: 1, memory: 8, threads: 1}

var passphrase = []byte("correct horse")

func makeKey(t testing.TB, name string) *Key {
	t.Helper()
	k, err := Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func lock(t testing.TB, k *Key) string {
	t.Helper()
	text, err := k.lock(passphrase, cheap)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestLockUnlock(t *testing.T) {
	k := makeKey(t, "alice")
	text, err := k.Lock(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, " argon2id,t=3,m=65536,p=4 ") {
		t.Errorf("locked with another cost: %q", text)
	}
	again, err := Unlock([]byte("# comment\n\n"+text+"\r\n"), passphrase)
	if err != nil || again.Public() != k.Public() {
		t.Fatalf("unlocked %v, %v", again, err)
	}
	whose, err := Locked([]byte(text))
	if err != nil || whose != k.Public() {
		t.Errorf("locked is whose? %v, %v", whose, err)
	}
	if _, err := Unlock([]byte(text), []byte("correct horsf")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err := Unlock([]byte(k.Public().String()), passphrase); !errors.Is(err, ErrKind) {
		t.Errorf("a public key unlocked: %v", err)
	}
	if _, err := ParsePublic(text); !errors.Is(err, ErrKind) {
		t.Errorf("a secret key as a public one: %v", err)
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", MaxPassphrase+1)} {
		if _, err := k.Lock([]byte(bad)); err == nil {
			t.Errorf("a passphrase of %d octets is taken", len(bad))
		}
	}
}

// TestEveryLetterOfASecretCounts: nothing of a key's file can be changed, not even the cost.
func TestEveryLetterOfASecretCounts(t *testing.T) {
	text := lock(t, makeKey(t, "alice"))
	for i := range text {
		for _, c := range []byte{'A', '9', text[i] ^ 1} {
			if c == text[i] {
				continue
			}
			changed := text[:i] + string(c) + text[i+1:]
			if _, err := Unlock([]byte(changed), passphrase); !errors.Is(err, ErrKey) && !errors.Is(err, ErrPassphrase) {
				t.Fatalf("letter %d as %q: %v", i, c, err)
			}
		}
	}
}

func TestCostIsBounded(t *testing.T) {
	text := lock(t, makeKey(t, "alice"))
	for cost, fine := range map[string]bool{
		"argon2id,t=1,m=8,p=1": true, "argon2id,t=17,m=8,p=1": false, "argon2id,t=1,m=1048577,p=1": false, "argon2id,t=1,m=4294967295,p=1": false,
		"argon2id,t=0,m=8,p=1": false, "argon2id,t=1,m=8,p=0": false, "argon2id,t=1,m=8,p=17": false, "argon2id,t=1,m=8,p=4": false,
		"argon2id,t=16,m=1048576,p=1": false, "argon2id,t=01,m=8,p=1": false, "argon2id,t=1,m=8,p=1,": false, "argon2i,t=1,m=8,p=1": false,
		"argon2id,t=1,m=8,p=257": false, "argon2id,t=-1,m=8,p=1": false, "": false,
	} {
		_, err := Unlock([]byte(strings.Replace(text, cheap.String(), cost, 1)), passphrase)
		if got := !errors.Is(err, ErrKey); got != fine {
			t.Errorf("cost %q: %v", cost, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, fine := range map[string]bool{"alice": true, "a": true, "j.r-r_t0": true, strings.Repeat("a", 32): true, "": false, "Alice": false,
		".alice": false, "-a": false, "a b": false, "a/b": false, "ä": false, strings.Repeat("a", 33): false, "a\n": false} {
		if _, err := Generate(name); errors.Is(err, ErrKey) == fine {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPublicText(t *testing.T) {
	p := makeKey(t, "alice").Public()
	again, err := ParsePublic("# a comment\n" + p.String() + "\n")
	if err != nil || again != p || again.Fingerprint() != p.Fingerprint() {
		t.Fatalf("%v, %v", again, err)
	}
	text := p.String()
	for _, bad := range []string{"", text + "A", text[:len(text)-1], text + "\n" + text, strings.Replace(text, "alice", "mallory", 1),
		strings.Replace(text, " ", "  ", 1), " " + text, text + " ", "pawl-person-2" + text[len(publicKind):], (Public{name: "alice"}).String(),
		strings.Repeat("#", maxKeyText) + "\n" + text} {
		if _, err := ParsePublic(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

func TestSecretsHide(t *testing.T) {
	k := makeKey(t, "alice")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, k); !strings.HasPrefix(got, "key of alice ") || len(got) > 40 {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func decision(action Action) Decision {
	return Decision{Action: action, Transfer: "1-019a2b3c4d5e6f70", Body: [32]byte{1}, Verdicts: [32]byte{2},
		When: time.Date(2026, 11, 23, 22, 0, 0, 123456789, time.FixedZone("CET", 3600)), Reason: "as ordered <&> \u202e", Shown: []string{"verdicts", "files", "files"}}
}

func TestSignVerify(t *testing.T) {
	alice, bob := makeKey(t, "alice"), makeKey(t, "bob")
	s, err := alice.Sign(decision(Approve))
	if err != nil {
		t.Fatal(err)
	}
	if err := alice.Public().Verify(s); err != nil {
		t.Error(err)
	}
	if s.When.Nanosecond() != 123e6 || s.When.Hour() != 21 || fmt.Sprint(s.Shown) != "[files verdicts]" {
		t.Errorf("signed %v, %v", s.When, s.Shown)
	}
	// Everything that is said is signed.
	for name, change := range map[string]func(s *Signed){
		"action": func(s *Signed) { s.Action = Reject }, "person": func(s *Signed) { s.Person = "bob" },
		"transfer": func(s *Signed) { s.Transfer = "2-019a2b3c4d5e6f70" }, "proof": func(s *Signed) { s.Body[31] ^= 1 },
		"verdicts": func(s *Signed) { s.Verdicts[0] ^= 1 }, "when": func(s *Signed) { s.When = s.When.Add(time.Millisecond) },
		"reason": func(s *Signed) { s.Reason += "." }, "shown": func(s *Signed) { s.Shown = []string{"files"} },
		"signature": func(s *Signed) { s.Signature[5] ^= 1 },
	} {
		c := s
		change(&c)
		for _, p := range []Public{alice.Public(), bob.Public(), {}} {
			if err := p.Verify(c); !errors.Is(err, ErrSignature) {
				t.Errorf("%s changed, key of %q: %v", name, p.Name(), err)
			}
		}
	}
}

func TestNotADecision(t *testing.T) {
	k := makeKey(t, "alice")
	for name, change := range map[string]func(d *Decision){
		"action": func(d *Decision) { d.Action = "like" }, "no action": func(d *Decision) { d.Action = "" },
		"transfer": func(d *Decision) { d.Transfer = "../1-019a2b3c4d5e6f70" }, "no proof": func(d *Decision) { d.Body = [32]byte{} },
		"year": func(d *Decision) { d.When = d.When.AddDate(9000, 0, 0) }, "long": func(d *Decision) { d.Reason = strings.Repeat("x", MaxReason+1) },
		"bytes": func(d *Decision) { d.Reason = "\xff" }, "no reason": func(d *Decision) { d.Action, d.Reason = Reject, "" },
		"shown": func(d *Decision) { d.Shown = []string{"a b"} }, "empty shown": func(d *Decision) { d.Shown = []string{""} },
		"much shown": func(d *Decision) {
			for i := range MaxShown + 1 {
				d.Shown = append(d.Shown, "x-"+strings.Repeat("x", i))
			}
		},
	} {
		d := decision(Approve)
		change(&d)
		if _, err := k.Sign(d); !errors.Is(err, ErrDecision) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOneEncoding: what parses is what Append writes; the largest decision fits.
func TestOneEncoding(t *testing.T) {
	k := makeKey(t, strings.Repeat("a", 32))
	rapid.Check(t, func(t *rapid.T) {
		d := decision(rapid.SampledFrom([]Action{Approve, Revoke, Reject}).Draw(t, "action"))
		d.Reason = "!" + rapid.StringN(0, MaxReason-1, MaxReason-1).Draw(t, "reason")
		d.Shown = rapid.SliceOfN(rapid.StringMatching(`[a-z][a-z-]{0,31}`), 0, MaxShown).Draw(t, "shown")
		s, err := k.Sign(d)
		if err != nil {
			t.Fatal(err)
		}
		data, err := s.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSigned(data)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if err := k.Public().Verify(again); err != nil {
			t.Fatal(err)
		}
		back, err := again.Append(nil)
		if err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%s comes back as %s, %v", data, back, err)
		}
	})
}

func FuzzParseSigned(f *testing.F) {
	for _, a := range []Action{Approve, Revoke, Reject} {
		s, err := makeKey(f, "alice").Sign(decision(a))
		if err != nil {
			f.Fatal(err)
		}
		data, err := s.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSigned(data)
		if err != nil {
			if !errors.Is(err, ErrDecision) && !errors.Is(err, ErrKey) && !errors.Is(err, merkle.ErrCanonical) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		again, err := s.Append(nil)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q parses and comes back as %q, %v", data, again, err)
		}
	})
}

func TestFiled(t *testing.T) {
	alice, bob := makeKey(t, "alice"), makeKey(t, "bob")
	s, err := alice.Sign(decision(Approve))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AppendFiled(nil, s, bob.Public()); !errors.Is(err, ErrSignature) {
		t.Errorf("filed with another's key: %v", err)
	}
	data, err := AppendFiled(nil, s, alice.Public())
	if err != nil {
		t.Fatal(err)
	}
	again, key, err := ParseFiled(data)
	if err != nil || key != alice.Public() || again.Signature != s.Signature {
		t.Fatalf("%v, %v", key, err)
	}
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		if _, _, err := ParseFiled(changed); err == nil {
			t.Fatalf("octet %d changed, and it is read", i)
		}
		if _, _, err := ParseFiled(data[:i]); err == nil {
			t.Fatalf("cut to %d octets, and it is read", i)
		}
	}
	if _, _, err := ParseFiled(append(data, '\n')); err == nil {
		t.Error("read with a line too many")
	}
}

func FuzzKeys(f *testing.F) {
	k := makeKey(f, "alice")
	f.Add(k.Public().String())
	f.Add(lock(f, k))
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := ParsePublic(text); err == nil {
			if again, err := ParsePublic(p.String()); err != nil || again != p {
				t.Fatalf("%q: %v", text, err)
			}
		} else if !errors.Is(err, ErrKey) {
			t.Fatal(err)
		}
		if len(text) > 40 && strings.Contains(text, cheap.String()) {
			if _, err := Unlock([]byte(text), passphrase); err != nil && !errors.Is(err, ErrKey) && !errors.Is(err, ErrPassphrase) {
				t.Fatal(err)
			}
		}
		_, _ = Locked([]byte(text))
	})
}
