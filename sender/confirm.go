package sender

import (
	"cmp"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/lowlog"
	"pawl/framing/ticket"
)

// Operations on receipts.
const (
	OpConfirm     = "confirm"     // marks the transfer whose receipt code Request.Code is
	OpUnconfirmed = "unconfirmed" // lists the transfers that are sent and not confirmed
)

// confirmedFile in a transfer's folder in sent/ says that a receipt code was given for it.
const confirmedFile = ".pawl-confirmed"

// Confirmation is what is known of the arrival of one transfer.
type Confirmation struct {
	ID        string     `json:"id,omitempty"`
	Channel   string     `json:"channel,omitempty"` // its name
	Name      string     `json:"name,omitempty"`
	Bytes     uint64     `json:"bytes"`               // octets of content
	Created   time.Time  `json:"created,omitzero"`    // when it was claimed
	Confirmed *time.Time `json:"confirmed,omitempty"` // nil while it is not
	Again     bool       `json:"again,omitempty"`     // it had been confirmed before
	Error     string     `json:"error,omitempty"`     // why nothing was confirmed or listed
}

// errNoReceipt says that no transfer has a code.
var errNoReceipt = errors.New("the code is of no transfer that is here: it was deleted from sent/, another sender sent it, or the two sides hold different receipt keys (compare: pawl-key show)")

// sentTransfer is a folder of sent/.
type sentTransfer struct {
	rec       *record
	dir       string
	channel   *channel
	confirmed *time.Time
}

func (t *sentTransfer) confirmation() Confirmation {
	return Confirmation{
		ID: t.rec.ID, Channel: t.channel.Name, Name: t.rec.Name, Bytes: t.rec.Content,
		Created: time.Unix(t.rec.Created, 0).UTC(), Confirmed: t.confirmed,
	}
}

// sentTransfers are the transfers in sent/, the oldest first. What is there and is none of ours, or is being repaired at this
// moment, is passed over.
func (s *Sender) sentTransfers() (all []*sentTransfer, err error) {
	for _, ch := range s.channels {
		entries, err := os.ReadDir(ch.folder("sent"))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if _, ok := transferOfID(ch.ID, e.Name()); !ok {
				continue
			}
			t := &sentTransfer{dir: filepath.Join(ch.folder("sent"), e.Name()), channel: ch}
			if t.rec, err = loadRecord(t.dir); err != nil {
				if !errors.Is(err, fs.ErrNotExist) {
					s.cfg.Log.Error("record of a sent transfer", zap.Error(err))
				}
				continue
			}
			t.confirmed = readConfirmed(t.dir)
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b *sentTransfer) int {
		return cmp.Or(cmp.Compare(a.rec.Created, b.rec.Created), cmp.Compare(a.rec.Transfer, b.rec.Transfer))
	})
	return all, nil
}

// readConfirmed is when a transfer was confirmed, nil if it was not.
func readConfirmed(dir string) *time.Time {
	text, err := os.ReadFile(filepath.Join(dir, confirmedFile))
	if err != nil {
		return nil
	}
	var c Confirmation
	if json.Unmarshal(text, &c) != nil {
		return nil // half of nothing: it was written with a rename
	}
	return c.Confirmed
}

// confirm serves a receipt code: it looks for the transfer that has it, those first that are not confirmed, and among them the
// youngest.
func (s *Sender) confirm(conn net.Conn, req *Request) error {
	c, err := s.confirmed(req.Code)
	if err != nil {
		return answer(conn, Confirmation{Error: err.Error()})
	}
	return answer(conn, c)
}

func (s *Sender) confirmed(code string) (Confirmation, error) {
	if s.cfg.Receipt == nil {
		return Confirmation{}, errors.New("this sender has no receipt key: make one with pawl-key receipt, name it as receipt_key here and in pawl-release.toml")
	}
	mac, err := ticket.ReadReceipt(code)
	if err != nil {
		return Confirmation{}, err
	}
	s.orders.Lock() // no repair takes the folder away meanwhile
	defer s.orders.Unlock()
	all, err := s.sentTransfers()
	if err != nil {
		return Confirmation{}, err
	}
	slices.Reverse(all)
	for _, again := range []bool{false, true} {
		for _, t := range all {
			if (t.confirmed != nil) != again || !s.receiptFits(t, mac) {
				continue
			}
			if again {
				c := t.confirmation()
				c.Again = true
				return c, nil
			}
			return s.markConfirmed(t)
		}
	}
	return Confirmation{}, errNoReceipt
}

// receiptFits says whether a code is that of a transfer. It takes the same time however much of it is right.
func (s *Sender) receiptFits(t *sentTransfer, mac [ticket.ReceiptSize]byte) bool {
	body, err := proofBody(filepath.Join(t.dir, proofFile))
	if err != nil {
		s.cfg.Log.Error("proof of a sent transfer", zap.String("transfer", t.rec.ID), zap.Error(err))
		return false
	}
	want := s.cfg.Receipt.Receipt(t.rec.Channel, t.rec.Transfer, body)
	return hmac.Equal(want[:ticket.ReceiptSize], mac[:])
}

func (s *Sender) markConfirmed(t *sentTransfer) (Confirmation, error) {
	now := time.Now().UTC()
	t.confirmed = &now
	c := t.confirmation()
	text, err := json.Marshal(c)
	if err == nil {
		err = writeDurable(filepath.Join(t.dir, confirmedFile), append(text, '\n'))
	}
	if err != nil {
		return Confirmation{}, fmt.Errorf("confirm %s: %w", t.rec.ID, err)
	}
	s.cfg.Audit.note(&lowlog.Transfer{ID: t.rec.ID, Event: lowlog.Confirmed, Name: lowlog.Text(t.rec.Name), Files: t.rec.Files, Bytes: t.rec.Content})
	s.schedule.leave(t.rec.ID)
	s.cfg.Log.Info("transfer confirmed", zap.String("transfer", t.rec.ID), zap.String("channel", t.channel.Name), zap.String("name", t.rec.Name))
	return c, nil
}

// unconfirmed lists what is sent and not confirmed.
func (s *Sender) unconfirmed(conn net.Conn) error {
	all, err := s.sentTransfers()
	if err != nil {
		return answer(conn, Confirmation{Error: err.Error()})
	}
	for _, t := range all {
		if t.confirmed != nil {
			continue
		}
		if err := answer(conn, t.confirmation()); err != nil {
			return err
		}
	}
	return nil
}

// proofBody is the SHA-256 of the body of a proof.
func proofBody(name string) (body [32]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return body, err
	}
	defer f.Close()
	proof, err := framing.NewProofReader(f)
	for err == nil {
		_, err = proof.Next()
	}
	if err != io.EOF {
		return body, err
	}
	return proof.BodyDigest(), nil
}
