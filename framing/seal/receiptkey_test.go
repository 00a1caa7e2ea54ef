package seal

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// TestReceiptKey: one text each, no secret in a log, and a MAC of everything that it is said to be of.
func TestReceiptKey(t *testing.T) {
	k, err := GenerateReceiptKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseReceiptKey("# a comment\n" + k.Text() + "\n")
	if err != nil || *again != *k || strings.Contains(k.String()+k.GoString(), strings.TrimPrefix(k.Text(), receiptSecret)) {
		t.Fatalf("%v, %v", again, err)
	}
	mac := k.Receipt(1, 2, [32]byte{3})
	other, err := GenerateReceiptKey()
	if err != nil {
		t.Fatal(err)
	}
	for what, m := range map[string][32]byte{
		"channel": k.Receipt(2, 2, [32]byte{3}), "transfer": k.Receipt(1, 3, [32]byte{3}), "proof": k.Receipt(1, 2, [32]byte{4}), "key": other.Receipt(1, 2, [32]byte{3}),
	} {
		if m == mac {
			t.Errorf("another %s has the same receipt", what)
		}
	}
	// Python: hmac.new(bytes(32), b"pawl-receipt-1" + bytes([0,1]) + bytes(7) + b"\x02" + bytes(32), "sha256")
	fixed := new(ReceiptKey).Receipt(1, 2, [32]byte{})
	if got := hex.EncodeToString(fixed[:]); got != "5236e617c83332f0598b990b35e98f88e8684cee2873bb850d9cedf43ba8814f" {
		t.Errorf("receipt of the zero key: %s", got)
	}
	sender, err := GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseReceiptKey(sender.Text()); !errors.Is(err, ErrKind) {
		t.Errorf("a sender's key as a receipt key: %v", err)
	}
}
