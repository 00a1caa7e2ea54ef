package seal

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pawl/framing"
)

// parsers reads a text as each kind of key and writes it back.
var parsers = map[string]func(text string) (again string, err error){
	senderSecret: func(text string) (string, error) {
		k, err := ParseSenderKey(text)
		if err != nil {
			return "", err
		}
		return k.Text(), nil
	},
	senderPublic: func(text string) (string, error) {
		k, err := ParseSenderPublic(text)
		if err != nil {
			return "", err
		}
		return k.String(), nil
	},
	receiverSecret: func(text string) (string, error) {
		k, err := ParseReceiverKey(text)
		if err != nil {
			return "", err
		}
		return k.Text(), nil
	},
	receiverPublic: func(text string) (string, error) {
		k, err := ParseReceiverPublic(text)
		if err != nil {
			return "", err
		}
		return k.String(), nil
	},
}

func texts(p pair) map[string]string {
	return map[string]string{senderSecret: p.sender.Text(), senderPublic: p.sender.Public().String(),
		receiverSecret: p.receiver.Text(), receiverPublic: p.receiver.Public().String()}
}

func TestKeysRoundTrip(t *testing.T) {
	p := newPair(t)
	for kind, text := range texts(p) {
		if !strings.HasPrefix(text, kind+":") {
			t.Errorf("%s is written %.30s…", kind, text)
		}
		for reader, parse := range parsers {
			again, err := parse("# a comment\r\n\n" + text + "\r\n")
			switch {
			case reader == kind && (err != nil || again != text):
				t.Errorf("%s comes back as %q, %v", kind, again, err)
			case reader != kind && !errors.Is(err, ErrKey):
				t.Errorf("a %s is read as a %s: %v", kind, reader, err)
			case reader != kind && !strings.Contains(err.Error(), fmt.Sprintf("found a %s, want a %s", kind, reader)):
				t.Errorf("a %s read as a %s: %v", kind, reader, err)
			}
		}
	}
	sender, err := ParseSenderKey(p.sender.Text())
	if err != nil || sender.Public() != p.sender.Public() {
		t.Errorf("the sender's public half changed: %v", err)
	}
	receiver, err := ParseReceiverKey(p.receiver.Text())
	if err != nil || receiver.Public().String() != p.receiver.Public().String() {
		t.Errorf("the receiver's public half changed: %v", err)
	}
}

func TestKeysRefuse(t *testing.T) {
	p := newPair(t)
	for kind, text := range texts(p) {
		last := text[len(text)-1:]
		for name, bad := range map[string]string{
			"empty":      "",
			"comments":   "# " + text + "\n",
			"twice":      text + "\n" + text + "\n",
			"short":      text[:len(text)-1],
			"shorter":    text[:len(text)-4],
			"long":       text + "AAAA",
			"padded":     text + "=",
			"space":      text + " ",
			"lead space": " " + text,
			"bare CR":    text[:len(text)-1] + "\r" + last,
			"other case": strings.ToUpper(text[:6]) + text[6:],
			"too long":   strings.Repeat("#\n", 5000) + text,
			"zero":       kind + ":" + strings.Repeat("A", len(text)-len(kind)-1),
			"words":      text + "\nhello\n",
		} {
			if _, err := parsers[kind](bad); !errors.Is(err, ErrKey) {
				t.Errorf("%s, %s: %v", kind, name, err)
			} else if _, secret, _ := strings.Cut(text, ":"); strings.Contains(err.Error(), secret[:8]) {
				t.Errorf("%s, %s: the error quotes the key: %v", kind, name, err)
			}
		}
		// Every single letter changed must be noticed.
		for at := len(kind) + 1; at < len(text); at++ {
			letter := "A"
			if text[at] == 'A' {
				letter = "B"
			}
			if _, err := parsers[kind](text[:at] + letter + text[at+1:]); !errors.Is(err, ErrKey) {
				t.Fatalf("%s: letter %d changed: %v", kind, at, err)
			}
		}
	}
	if _, err := ParseSenderPublic(SenderPublic{}.String()); !errors.Is(err, ErrKey) {
		t.Errorf("the zero public key, well written: %v", err)
	}
}

// TestSecretsHide: no way of printing a key prints the secret.
func TestSecretsHide(t *testing.T) {
	p := newPair(t)
	for _, k := range []fmt.Stringer{p.sender, p.receiver} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if got := fmt.Sprintf(verb, k); !strings.Contains(got, " key ") || len(got) > 40 {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	a, b := newPair(t), newPair(t)
	prints := map[string]bool{a.sender.Public().Fingerprint(): true, b.sender.Public().Fingerprint(): true,
		a.receiver.Public().Fingerprint(): true, b.receiver.Public().Fingerprint(): true}
	if len(prints) != 4 {
		t.Errorf("4 keys have the fingerprints %v", prints)
	}
	for f := range prints {
		if len(f) != 19 || strings.Count(f, "-") != 3 {
			t.Errorf("fingerprint %q", f)
		}
	}
}

func TestProof(t *testing.T) {
	a, b := newPair(t), newPair(t)
	body := sha256.Sum256([]byte("body"))
	sig := a.sender.SignProof(body)
	if !a.sender.Public().VerifyProof(body, sig) {
		t.Error("a good proof is refused")
	}
	if b.sender.Public().VerifyProof(body, sig) {
		t.Error("another sender's proof is accepted")
	}
	if a.sender.Public().VerifyProof(sha256.Sum256(nil), sig) {
		t.Error("a proof of another body is accepted")
	}
	sig[10] ^= 1
	if a.sender.Public().VerifyProof(body, sig) {
		t.Error("a wrong signature is accepted")
	}
	if framing.HeaderSize != 48 { // offsets in these tests
		t.Error("header size")
	}
}

// FuzzKeys: no text makes a parser panic, and a key that is read is written back as
// the line it was.
func FuzzKeys(f *testing.F) {
	for _, text := range texts(newPair(f)) {
		f.Add(text)
		f.Add("# comment\n" + text + "\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind, parse := range parsers {
			again, err := parse(text)
			if err != nil {
				if !errors.Is(err, ErrKey) {
					t.Errorf("%s: %v", kind, err)
				}
				continue
			}
			if !strings.Contains("\n"+strings.ReplaceAll(text, "\r", "\n")+"\n", "\n"+again+"\n") {
				t.Errorf("%s %q is written back as %q", kind, text, again)
			}
		}
	})
}
