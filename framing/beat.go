package framing

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// MaxFlights is how many transfers in flight one beat can tell of: at their
// longest they fit the smallest symbol.
const MaxFlights = 24

// maxVersion bounds the sender's version text, in octets of UTF-8.
const maxVersion = 64

// maxFault bounds the text of the sender's last fault, in octets of UTF-8.
const maxFault = 120

// beatPrefix is the length of the CBOR in front of it, in octets.
const beatPrefix = 2

// maxSpan is the longest span of time in milliseconds: it must be a time.Duration.
const maxSpan = uint64(math.MaxInt64 / int64(time.Millisecond))

// Beat is the payload of a beat packet: what the sender says it is doing.
// Counters count since the sender's program started. All of it is information,
// for people and for timers: nothing a receiver accepts depends on it.
type Beat struct {
	Clock      int64             // low side's clock, Unix milliseconds
	Uptime     time.Duration     // since the sender started; milliseconds on the wire
	Queue      uint64            // transfers waiting
	QueueBytes uint64            // octets of their content
	Packets    uint64            // packets sent
	Bytes      uint64            // octets of content sent, first time only
	Sent       uint64            // transfers finished
	Aborted    uint64            // transfers aborted
	Rate       uint64            // configured rate, bit/s on the wire
	Config     [sha256.Size]byte // SHA-256 of the sender's configuration
	Version    string            // version of the sender's program, at most 64 octets

	Oldest   time.Duration     // how long the transfer that waits longest has waited; milliseconds on the wire
	Refused  uint64            // entries of an outbox refused
	Loss     uint32            // random loss the sender plans for, packets in a million, at most a million
	Burst    time.Duration     // outage it plans for; milliseconds on the wire
	Room     uint64            // octets free where the outboxes are, the least of them
	Fault    string            // the sender's last error, at most 120 octets; "" for none
	FaultAge time.Duration     // how long ago that was; milliseconds on the wire
	LogSize  uint64            // entries in the sender's own audit log; 0: it keeps none
	LogRoot  [sha256.Size]byte // root hash of the log at that size (RFC 6962)

	Flights []Flight // transfers in flight, at most MaxFlights
}

// FlightState says how far a transfer in flight is.
type FlightState uint8

// The states of a flight.
const (
	FlightSending  FlightState = 1 // its symbols are being sent
	FlightWaiting  FlightState = 2 // for its turn, a copy or the next pass
	FlightFinished FlightState = 3 // no packet of it will follow
)

// Flight is one transfer in flight, as a beat tells it.
type Flight struct {
	Channel  uint16 // >= 1
	Transfer uint64 // >= 1
	State    FlightState
	Pass     uint8  // the pass under way or last done, from 1; 0 before the first
	Passes   uint8  // passes in all
	Length   uint64 // octets of the content, <= MaxLength
	Sent     uint64 // octets of the content sent in this pass
}

// wireBeat and wireFlight are the CBOR arrays of docs/wire.md.
type wireBeat struct {
	_          struct{} `cbor:",toarray"`
	Clock      int64
	Uptime     uint64
	Queue      uint64
	QueueBytes uint64
	Packets    uint64
	Bytes      uint64
	Sent       uint64
	Aborted    uint64
	Rate       uint64
	Config     [sha256.Size]byte
	Version    string
	Oldest     uint64
	Refused    uint64
	Loss       uint32
	Burst      uint64
	Room       uint64
	Fault      string
	FaultAge   uint64
	LogSize    uint64
	LogRoot    [sha256.Size]byte
	Flights    []wireFlight
}

type wireFlight struct {
	_        struct{} `cbor:",toarray"`
	Channel  uint16
	Transfer uint64
	State    uint8
	Pass     uint8
	Passes   uint8
	Length   uint64
	Sent     uint64
}

func (b *Beat) check() error {
	if min(b.Uptime, b.Oldest, b.Burst, b.FaultAge) < 0 {
		return fmt.Errorf("%w: a span of time is negative", ErrField)
	}
	if err := checkText("version", b.Version, maxVersion); err != nil {
		return err
	}
	if err := checkText("fault", b.Fault, maxFault); err != nil {
		return err
	}
	if b.Loss > million {
		return fmt.Errorf("%w: loss of %d packets in a million", ErrField, b.Loss)
	}
	if len(b.Flights) > MaxFlights {
		return fmt.Errorf("%w: %d flights, at most %d", ErrField, len(b.Flights), MaxFlights)
	}
	for i := range b.Flights {
		if err := b.Flights[i].check(); err != nil {
			return fmt.Errorf("flight %d: %w", i, err)
		}
	}
	return nil
}

// million is the unit of a loss.
const million = 1_000_000

func checkText(what, text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%w: %s of %d octets", ErrField, what, len(text))
	}
	if fault := textFault(text); fault != "" {
		return fmt.Errorf("%w: %s %s", ErrField, what, fault)
	}
	return nil
}

func (f *Flight) check() error {
	switch {
	case f.Channel == 0:
		return fmt.Errorf("%w: channel is zero", ErrField)
	case f.Transfer == 0:
		return fmt.Errorf("%w: transfer is zero", ErrField)
	case f.State < FlightSending || f.State > FlightFinished:
		return fmt.Errorf("%w: state %d", ErrField, f.State)
	case f.Length > MaxLength:
		return fmt.Errorf("%w: content of %d octets", ErrField, f.Length)
	}
	return nil
}

// AppendBeat appends the payload of b, zero-padded to symbolSize octets, to
// dst. A beat that ParseBeat would refuse is ErrField, a symbolSize that no
// link has ErrSize. Spans of time lose what is below a millisecond.
func AppendBeat(dst []byte, b *Beat, symbolSize int) ([]byte, error) {
	if !validSymbolSize(symbolSize) {
		return dst, fmt.Errorf("beat: %w: symbol of %d octets", ErrSize, symbolSize)
	}
	if err := b.check(); err != nil {
		return dst, fmt.Errorf("beat: %w", err)
	}
	w := wireBeat{
		Clock: b.Clock, Uptime: millis(b.Uptime), Queue: b.Queue, QueueBytes: b.QueueBytes,
		Packets: b.Packets, Bytes: b.Bytes, Sent: b.Sent, Aborted: b.Aborted, Rate: b.Rate,
		Config: b.Config, Version: b.Version, Oldest: millis(b.Oldest), Refused: b.Refused, Loss: b.Loss, Burst: millis(b.Burst),
		Room: b.Room, Fault: b.Fault, FaultAge: millis(b.FaultAge), LogSize: b.LogSize, LogRoot: b.LogRoot,
		Flights: make([]wireFlight, 0, len(b.Flights)),
	}
	for _, f := range b.Flights {
		w.Flights = append(w.Flights, wireFlight{
			Channel: f.Channel, Transfer: f.Transfer, State: uint8(f.State),
			Pass: f.Pass, Passes: f.Passes, Length: f.Length, Sent: f.Sent,
		})
	}
	item, err := appendItem(nil, &w)
	if err != nil {
		return dst, fmt.Errorf("beat: %w", err)
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(item)))
	dst = append(dst, item...)
	return appendZeros(dst, symbolSize-beatPrefix-len(item)), nil
}

// ParseBeat reads the payload (T octets) of a beat packet. Errors are ErrSize,
// ErrCanonical and ErrField.
func ParseBeat(payload []byte) (Beat, error) {
	if !validSymbolSize(len(payload)) {
		return Beat{}, fmt.Errorf("beat: %w: payload of %d octets", ErrSize, len(payload))
	}
	length := int(binary.BigEndian.Uint16(payload))
	if length > len(payload)-beatPrefix {
		return Beat{}, fmt.Errorf("beat: %w: %d octets in a payload of %d", ErrSize, length, len(payload))
	}
	data, padding := payload[beatPrefix:beatPrefix+length], payload[beatPrefix+length:]
	var w wireBeat
	var again bytes.Buffer
	item, err := parseItem(data, &w, &again)
	if err != nil {
		return Beat{}, fmt.Errorf("beat: %w", err)
	}
	if len(item) != length {
		return Beat{}, fmt.Errorf("beat: %w: octets after the item", ErrCanonical)
	}
	if !allZero(padding) {
		return Beat{}, fmt.Errorf("beat: %w: padding is not zero", ErrCanonical)
	}
	for _, ms := range []uint64{w.Uptime, w.Oldest, w.Burst, w.FaultAge} {
		if ms > maxSpan {
			return Beat{}, fmt.Errorf("beat: %w: a span of %d ms", ErrField, ms)
		}
	}
	b := Beat{
		Clock: w.Clock, Uptime: span(w.Uptime), Queue: w.Queue, QueueBytes: w.QueueBytes,
		Packets: w.Packets, Bytes: w.Bytes, Sent: w.Sent, Aborted: w.Aborted, Rate: w.Rate,
		Config: w.Config, Version: w.Version, Oldest: span(w.Oldest), Refused: w.Refused, Loss: w.Loss, Burst: span(w.Burst),
		Room: w.Room, Fault: w.Fault, FaultAge: span(w.FaultAge), LogSize: w.LogSize, LogRoot: w.LogRoot,
	}
	for _, f := range w.Flights {
		b.Flights = append(b.Flights, Flight{
			Channel: f.Channel, Transfer: f.Transfer, State: FlightState(f.State),
			Pass: f.Pass, Passes: f.Passes, Length: f.Length, Sent: f.Sent,
		})
	}
	if err := b.check(); err != nil {
		return Beat{}, fmt.Errorf("beat: %w", err)
	}
	return b, nil
}

func millis(d time.Duration) uint64 { return uint64(d / time.Millisecond) }

func span(ms uint64) time.Duration { return time.Duration(ms) * time.Millisecond }
