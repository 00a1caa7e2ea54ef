package audit_test

import (
	"bytes"
	"testing"

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
