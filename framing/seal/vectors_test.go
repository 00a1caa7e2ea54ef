package seal

import (
	"bytes"
	"crypto/hpke"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"pawl/framing"
)

var update = flag.Bool("update", false, "write the seal vectors anew (with a new encapsulation)")

// vectorFile is one of ../testdata/vectors/seal*.json: one session as one receiver sees
// it. An encapsulation cannot be made twice alike, so it is given and everything
// follows from it and the receiver's secret.
type vectorFile struct {
	Message        string   `json:"message"`
	About          string   `json:"about"`
	Mode           Mode     `json:"mode"` // what the receiver is configured for
	Link           uint8    `json:"link"`
	Session        string   `json:"session"` // decimal
	SenderSecret   string   `json:"sender_secret,omitempty"`
	SenderPublic   string   `json:"sender_public,omitempty"`
	SenderPrint    string   `json:"sender_fingerprint,omitempty"`
	ReceiverSecret string   `json:"receiver_secret,omitempty"`
	ReceiverPublic string   `json:"receiver_public,omitempty"`
	ReceiverPrint  string   `json:"receiver_fingerprint,omitempty"`
	Info           string   `json:"info,omitempty"` // HPKE info, hex
	Enc            string   `json:"enc,omitempty"`  // HPKE encapsulation, hex
	Key            string   `json:"key,omitempty"`  // exported, hex
	IV             string   `json:"iv,omitempty"`   // exported, hex
	ProofBody      string   `json:"proof_body_sha256,omitempty"`
	ProofSignature string   `json:"proof_signature,omitempty"`
	Vectors        []vector `json:"vectors"`
}

// vector is one datagram. Do is "accept" (the first session packet of the session that
// the receiver sees), "confirm" (a later one) or "open" (a beat or a symbol).
type vector struct {
	Name    string `json:"name"`
	About   string `json:"about,omitempty"`
	Do      string `json:"do"`
	Class   string `json:"class,omitempty"` // class of failure; none: valid
	Hex     string `json:"hex"`
	Payload string `json:"payload,omitempty"` // what a valid beat or symbol opens to, hex
}

// classes are the words of the vectors for this package's errors and for those of
// framing that a session's form can have.
var classes = map[string]error{
	"mode": ErrMode, "number": ErrNumber, "sender": ErrSender, "signature": ErrSignature,
	"encapsulation": ErrEncapsulation, "auth": ErrAuth,
	"size": framing.ErrSize, "type": framing.ErrType, "field": framing.ErrField, "canonical": framing.ErrCanonical,
}

func classOf(t *testing.T, err error) string {
	if err == nil {
		return ""
	}
	for word, class := range classes {
		if errors.Is(err, class) {
			return word
		}
	}
	t.Errorf("error %v has no class", err)
	return ""
}

var vectorNames = []string{"seal", "seal-none"}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	for _, name := range vectorNames {
		t.Run(name, func(t *testing.T) {
			file := loadVectors(t, name)
			if file.Mode == ModeAESGCM {
				checkSchedule(t, file)
			}
			valid := 0
			for _, v := range file.Vectors {
				t.Run(v.Name, func(t *testing.T) { runVector(t, file, &v) })
				if v.Class == "" {
					valid++
				}
			}
			if valid == 0 || valid == len(file.Vectors) {
				t.Errorf("%d of %d vectors are valid, want some of both", valid, len(file.Vectors))
			}
		})
	}
}

func loadVectors(t *testing.T, name string) *vectorFile {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "vectors", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	file := new(vectorFile)
	if err := decoder.Decode(file); err != nil {
		t.Fatalf("vectors of %s: %v", name, err)
	}
	if file.Message != name || len(file.Vectors) == 0 {
		t.Fatalf("vectors of %s: %d of %q", name, len(file.Vectors), file.Message)
	}
	return file
}

// keysOf reads the receiver's configuration; without a seal it has no keys.
func keysOf(t *testing.T, file *vectorFile) (key *ReceiverKey, sender SenderPublic) {
	t.Helper()
	if file.Mode == ModeNone {
		return nil, SenderPublic{}
	}
	key, err := ParseReceiverKey(file.ReceiverSecret)
	if err != nil {
		t.Fatal(err)
	}
	if sender, err = ParseSenderPublic(file.SenderPublic); err != nil {
		t.Fatal(err)
	}
	return key, sender
}

// runVector opens the session with the first vector, then does what v says.
func runVector(t *testing.T, file *vectorFile, v *vector) {
	key, sender := keysOf(t, file)
	do := func(v *vector) (o *Opener, h framing.Header, datagram []byte, err error) {
		datagram = unhex(t, v.Hex)
		if err := framing.ParseHeader(datagram, &h); err != nil {
			t.Fatalf("header: %v", err)
		}
		if v.Do == "accept" {
			o, err = Accept(datagram, &h, file.Mode, key, sender)
		}
		return o, h, datagram, err
	}
	o, _, _, err := do(&file.Vectors[0])
	if err != nil {
		t.Fatalf("first session packet: %v", err)
	}
	_, h, datagram, err := do(v)
	var payload []byte
	switch v.Do {
	case "accept":
	case "confirm":
		err = o.Confirm(datagram, &h)
	case "open":
		payload = make([]byte, max(0, len(datagram)-framing.Overhead))
		err = o.Open(payload, datagram, &h)
	default:
		t.Fatalf("do %q is unknown", v.Do)
	}
	if class := classOf(t, err); class != v.Class {
		t.Fatalf("class %q, want %q (%v)", class, v.Class, err)
	}
	if err == nil && !bytes.Equal(payload, unhex(t, v.Payload)) {
		t.Error("another payload")
	}
}

// checkSchedule holds every step between the keys and the packets to the file.
func checkSchedule(t *testing.T, file *vectorFile) {
	key, sender := keysOf(t, file)
	secret, err := ParseSenderKey(file.SenderSecret)
	if err != nil || secret.Public() != sender || sender.Fingerprint() != file.SenderPrint {
		t.Errorf("sender's key: %v", err)
	}
	if p := key.Public(); p.String() != file.ReceiverPublic || p.Fingerprint() != file.ReceiverPrint {
		t.Error("receiver's public key is another")
	}
	info := sessionInfo(vectorSession, file.Link, file.Mode, sender)
	if hex.EncodeToString(info) != file.Info {
		t.Error("info is another")
	}
	context, err := hpke.NewRecipient(unhex(t, file.Enc), key.private, kdf, aead, info)
	if err != nil {
		t.Fatal(err)
	}
	for _, export := range []struct {
		label string
		want  string
	}{{keyContext, file.Key}, {ivContext, file.IV}} {
		got, err := context.Export(export.label, len(export.want)/2)
		if err != nil || hex.EncodeToString(got) != export.want {
			t.Errorf("%s is %x, %v", export.label, got, err)
		}
	}
	body := [32]byte(unhex(t, file.ProofBody))
	signature := [64]byte(unhex(t, file.ProofSignature))
	if !sender.VerifyProof(body, signature) || secret.SignProof(body) != signature {
		t.Error("the proof's signature is another")
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
