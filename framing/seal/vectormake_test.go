package seal

import (
	"bytes"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pawl/framing"
)

// The session of the vectors: every octet of its number is different from the others.
const (
	vectorSession = 0x0123456789abcdef
	vectorLink    = 3
	vectorSize    = framing.MinSymbolSize
	vectorIssued  = 1_767_366_245_000 // 2026-01-02T15:04:05Z
)

// maker makes the vectors of one file.
type maker struct {
	t    *testing.T
	file vectorFile
	s    *Sealer
}

// fixedSender and fixedReceiver have the seeds start, start+1, …
func fixedSender(t *testing.T, start byte) *SenderKey {
	k, err := ParseSenderKey(writeKey(senderSecret, counting(start)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func fixedReceiver(t *testing.T, start byte) *ReceiverKey {
	k, err := ParseReceiverKey(writeKey(receiverSecret, counting(start)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func counting(start byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = start + byte(i)
	}
	return b
}

func writeVectors(t *testing.T) {
	p := pair{fixedSender(t, 0), fixedReceiver(t, 0x80)}
	sealed := newMaker(t, p, ModeAESGCM, "One session as its receiver sees it, in AES-256-GCM. Secrets are for testing only.")
	sealed.schedule(p)
	sealed.valid()
	sealed.damaged()
	sealed.forged(p)
	sealed.write("seal")

	clearText := newMaker(t, p, ModeNone, "One session without a seal: the tag is XXH64.")
	clearText.valid()
	clearText.damaged()
	other := newMaker(t, p, ModeAESGCM, "")
	clearText.add("sealed session", "the receiver is configured for none", "accept", "mode", announced(other.s, vectorSize), nil)
	clearText.change("tag's zeros", "the last 8 octets of the tag are zero", "open", "auth", clearText.symbol(2), framing.HeaderSize+vectorSize+framing.TagSize-1)
	clearText.write("seal-none")
}

func newMaker(t *testing.T, p pair, mode Mode, about string) *maker {
	s, err := NewSealer(mode, p.sender, p.receiver.Public(), vectorSession, vectorLink)
	if err != nil {
		t.Fatal(err)
	}
	return &maker{t, vectorFile{About: about, Mode: mode, Link: vectorLink, Session: strconv.FormatUint(vectorSession, 10)}, s}
}

// schedule fills in the keys and what follows from them.
func (m *maker) schedule(p pair) {
	f, sender, receiver := &m.file, p.sender.Public(), p.receiver.Public()
	f.SenderSecret, f.SenderPublic, f.SenderPrint = p.sender.Text(), sender.String(), sender.Fingerprint()
	f.ReceiverSecret, f.ReceiverPublic, f.ReceiverPrint = p.receiver.Text(), receiver.String(), receiver.Fingerprint()
	info := sessionInfo(vectorSession, vectorLink, ModeAESGCM, sender)
	f.Info, f.Enc, f.IV = hex.EncodeToString(info), hex.EncodeToString(m.s.enc), hex.EncodeToString(m.s.iv[:])
	context, err := hpke.NewRecipient(m.s.enc, p.receiver.private, kdf, aead, info)
	if err != nil {
		m.t.Fatal(err)
	}
	key, err := context.Export(keyContext, keySize)
	if err != nil {
		m.t.Fatal(err)
	}
	f.Key = hex.EncodeToString(key)
	body := sha256.Sum256([]byte("a proof's body"))
	signature := p.sender.SignProof(body)
	f.ProofBody, f.ProofSignature = hex.EncodeToString(body[:]), hex.EncodeToString(signature[:])
}

func (m *maker) add(name, about, do, class string, datagram, payload []byte) {
	m.file.Vectors = append(m.file.Vectors, vector{name, about, do, class, hex.EncodeToString(datagram), hex.EncodeToString(payload)})
}

// change adds the datagram with one bit of the octet at changed.
func (m *maker) change(name, about, do, class string, datagram []byte, at int) {
	bad := bytes.Clone(datagram)
	bad[at] ^= 1
	m.add(name, about, do, class, bad, nil)
}

func (m *maker) session(packet uint64) []byte {
	datagram := make([]byte, vectorSize+framing.Overhead)
	m.s.Announce(datagram, packet, vectorIssued+1000*int64(packet))
	return datagram
}

func (m *maker) sealed(payload []byte, h framing.Header) []byte {
	datagram := make([]byte, len(payload)+framing.Overhead)
	m.s.Seal(datagram, payload, &h)
	return datagram
}

func (m *maker) symbol(packet uint64) []byte {
	return m.sealed(pattern(vectorSize, byte(packet)), symbolHeader(vectorSession, packet))
}

// valid adds what must be accepted; the first vector opens the session.
func (m *maker) valid() {
	m.add("session", "the first session packet", "accept", "", m.session(0), nil)
	m.add("later session", "a receiver that starts late accepts any session packet", "accept", "", m.session(60), nil)
	m.add("repeated session", "", "confirm", "", m.session(61), nil)
	m.add("symbol", "", "open", "", m.symbol(2), pattern(vectorSize, 2))
	m.add("last symbol", "the largest packet number", "open", "", m.symbol(MaxPackets-1), pattern(vectorSize, 255))
	beat, err := framing.AppendBeat(nil, &framing.Beat{Clock: vectorIssued, Packets: 3, Version: "vector"}, vectorSize)
	if err != nil {
		m.t.Fatal(err)
	}
	m.add("beat", "", "open", "", m.sealed(beat, framing.Header{Type: framing.TypeBeat, Session: vectorSession, Packet: 3}), beat)
}

// damaged adds what has one wrong bit, and packets where they do not belong.
func (m *maker) damaged() {
	symbol, tag := m.symbol(2), framing.HeaderSize+vectorSize
	m.change("tag", "", "open", "auth", symbol, tag)
	m.change("payload", "", "open", "auth", symbol, framing.HeaderSize)
	m.change("header channel", "the header is in clear and authenticated", "open", "auth", symbol, 5)
	m.change("header esi", "", "open", "auth", symbol, 47)
	m.change("header packet", "another nonce", "open", "auth", symbol, 23)
	m.change("header session", "a packet of another session", "open", "number", symbol, 15)
	m.change("repeated session's tag", "", "confirm", "auth", m.session(62), tag+7)
	m.change("repeated session of another number", "", "confirm", "number", m.session(62), 15)
	longer := m.sealed(pattern(vectorSize+64, 2), symbolHeader(vectorSession, 4))
	m.add("longer symbol", "well sealed, but not of the session's datagram size", "open", "size", longer, nil)
	m.add("session opened as a symbol", "", "open", "type", m.session(62), nil)
	m.add("symbol confirmed as a session", "", "confirm", "type", symbol, nil)
	m.add("symbol accepted as a session", "", "accept", "type", symbol, nil)
}

// forged adds sessions that only who lacks a key, or owns the sender's, would send.
func (m *maker) forged(p pair) {
	session, signed := m.session(0), framing.HeaderSize+1164
	m.change("session number", "the signature covers the header", "accept", "signature", session, 15)
	m.change("session signature", "", "accept", "signature", session, signed)
	m.change("session encapsulation", "", "accept", "signature", session, framing.HeaderSize+12)
	m.change("session link", "", "accept", "signature", session, framing.HeaderSize+1)
	m.change("session tag", "the signature does not cover the tag", "accept", "auth", session, len(session)-1)
	m.change("session mode", "3", "accept", "field", m.edited(session, framing.HeaderSize, 2), framing.HeaderSize)
	m.change("session padding", "", "accept", "canonical", session, framing.HeaderSize+1228)

	again := func(edit func(d []byte)) []byte {
		d := bytes.Clone(session)
		edit(d)
		resign(d, p.sender)
		return d
	}
	m.add("encapsulation changed by the sender", "it opens to another key: ML-KEM rejects implicitly", "accept", "auth",
		again(func(d []byte) { d[framing.HeaderSize+12] ^= 1 }), nil)
	m.add("encapsulation of low order", "its X25519 half is zero", "accept", "encapsulation",
		again(func(d []byte) { clear(d[framing.HeaderSize+12+1088:][:32]) }), nil)
	m.add("link changed by the sender", "HPKE's info binds it", "accept", "auth",
		again(func(d []byte) { d[framing.HeaderSize+1] ^= 1 }), nil)

	stranger := newMaker(m.t, pair{fixedSender(m.t, 0x40), p.receiver}, ModeAESGCM, "")
	m.add("another sender", "a good session of a sender that is not pinned", "accept", "sender", stranger.session(0), nil)
	elsewhere := newMaker(m.t, pair{p.sender, fixedReceiver(m.t, 0xc0)}, ModeAESGCM, "")
	m.add("another receiver", "a good session of this sender, for another receiver", "accept", "auth", elsewhere.session(0), nil)
	m.add("another session's symbol", "same keys, same number, another encapsulation", "open", "auth", elsewhere.symbol(2), nil)
	none := newMaker(m.t, p, ModeNone, "")
	m.add("downgrade", "a session without a seal", "accept", "mode", none.session(0), nil)
	m.add("symbol without a seal", "", "open", "auth", none.symbol(2), nil)
}

// edited is the datagram with one octet replaced.
func (m *maker) edited(datagram []byte, at int, to byte) []byte {
	d := bytes.Clone(datagram)
	d[at] = to
	return d
}

func (m *maker) write(name string) {
	m.file.Message = name
	data, err := json.MarshalIndent(&m.file, "", "  ")
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "testdata", "vectors", name+".json"), append(data, '\n'), 0o644); err != nil {
		m.t.Fatal(err)
	}
}
