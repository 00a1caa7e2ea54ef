package audit_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/seal"
)

// fixedSender was made for this test and signs nothing else.
const fixedSender = "pawl-sender-secret-1:_OkIrKGq7ye2m1Ywkc65joKSg5hwURs8XMrEXBGc_EAd8Gg-"

// FuzzPack: a changed zip file is refused, or holds the very same files.
func FuzzPack(f *testing.F) {
	sender, err := seal.ParseSenderKey(fixedSender)
	if err != nil {
		f.Fatal(err)
	}
	m := newManyOf(f, 100, merkletest.FixedKey(f), sender)
	data := m.pack(f)
	_, want := unzip(f, data)
	f.Add(data)
	f.Fuzz(func(t *testing.T, changed []byte) {
		if _, err := verifyPack(changed, m.key.Public()); err != nil {
			return
		}
		_, files := unzip(t, changed)
		for name := range want {
			if !bytes.Equal(files[name], want[name]) {
				t.Fatalf("%s is another, and the pack verifies", name)
			}
		}
	})
}

// resign changes a text in the statement and signs it with by, under the name of key.
func resign(t testing.TB, envelope []byte, key, by *merkle.Key, from, to string) []byte {
	t.Helper()
	_, rest, _ := strings.Cut(string(envelope), `"payload":"`)
	coded, _, _ := strings.Cut(rest, `"`)
	payload, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || !bytes.Contains(payload, []byte(from)) {
		t.Fatal(err)
	}
	payload = bytes.Replace(payload, []byte(from), []byte(to), 1)
	const kind = "application/vnd.in-toto+json"
	sig, err := by.Sign(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"payload":"%s","payloadType":"%s","signatures":[{"keyid":"%s","sig":"%s"}]}`, base64.StdEncoding.EncodeToString(payload),
		kind, key.Public().Fingerprint(), base64.StdEncoding.EncodeToString(sig))
}
