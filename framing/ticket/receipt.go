package ticket

import (
	"encoding/binary"
	"fmt"
)

// ReceiptSize is how many octets of a MAC a receipt code shows: 80 bits, the least that RFC 2104 section 5 holds for sound,
// and what four groups carry beside their check characters.
const ReceiptSize = 10

// receiptChars is the same in characters.
const receiptChars = ReceiptSize * 8 / charBits

// SpellReceipt writes a receipt code: 20 characters in four groups, as in "0G3KM-…".
func SpellReceipt(mac [ReceiptSize]byte) string {
	w := new(writer)
	w.put(binary.BigEndian.Uint64(mac[:8]), 64)
	w.put(uint64(binary.BigEndian.Uint16(mac[8:])), 16)
	return ofReceipt.spell(w.chars)
}

// ReadReceipt reads a receipt code that a person typed. Errors wrap [ErrTyped] and name the place.
func ReadReceipt(text string) (mac [ReceiptSize]byte, err error) {
	data, err := ofReceipt.read(text)
	if err == nil && len(data) != receiptChars {
		err = misplaced(fmt.Sprintf("%d groups, a receipt code has 4 of %d characters", (len(data)+GroupSize-2)/(GroupSize-1), GroupSize))
	}
	if err != nil {
		return mac, fmt.Errorf("receipt code: %w", err)
	}
	r := &reader{chars: data}
	binary.BigEndian.PutUint64(mac[:8], r.get(64))
	binary.BigEndian.PutUint16(mac[8:], uint16(r.get(16)))
	return mac, r.err
}
