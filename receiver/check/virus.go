package check

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"pawl/framing"
)

// VirusRule has files scanned by a ClamAV daemon. Files go to it through its socket and are scanned whole, archives included: how
// far it looks is in its own configuration (StreamMaxLength, MaxScanSize, AlertExceedsMax).
type VirusRule struct {
	Rule
	Socket  string        `json:"socket"`            // path of the daemon's Unix socket
	MaxAge  time.Duration `json:"max_age"`           // of its signatures; older ones say "no"
	Undated bool          `json:"undated,omitempty"` // signatures that bear no date, which are one's own, are enough
}

// aheadMost is how far ahead of our clock signatures may be dated: time zones, and clocks that differ. A date further on would keep stale ones fresh
// for ever.
const aheadMost = 24 * time.Hour

// virus speaks to clamd as in clamd(8): one connection a command, a command begins with "z" and ends with NUL.
type virus struct {
	ctx  context.Context
	rule *VirusRule

	version string
	conn    net.Conn
	unwatch func() bool
	left    time.Duration
}

func (*virus) Name() string { return "virus" }

func (v *virus) engine() (name, version string) { return "clamd", v.version }

func (v *virus) Entry(e *framing.Entry) error {
	if e.Dir {
		return nil
	}
	v.left = v.rule.budget(e.Size)
	if v.version == "" {
		if err := v.greet(); err != nil {
			return err
		}
	}
	if err := v.dial(); err != nil {
		return err
	}
	return v.send([]byte("zINSTREAM\x00"))
}

// Content sends a chunk: its length in 4 octets and the octets.
func (v *virus) Content(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if err := v.send(binary.BigEndian.AppendUint32(nil, uint32(len(p)))); err != nil {
		return err
	}
	return v.send(p)
}

func (v *virus) EndFile() error {
	if err := v.send(make([]byte, 4)); err != nil {
		return err
	}
	defer v.close()
	return v.verdict()
}

func (v *virus) End() error { return nil }

// verdict reads what the daemon says about the stream.
func (v *virus) verdict() error {
	answer, err := v.answer()
	if err != nil {
		return err
	}
	found, err := parseScan(answer)
	switch {
	case err != nil:
		return unable{err}
	case found != "":
		return fmt.Errorf("%s found", found)
	}
	return nil
}

// greet asks for the version and how old the signatures are.
func (v *virus) greet() error {
	if err := v.dial(); err != nil {
		return err
	}
	defer v.close()
	if err := v.send([]byte("zVERSION\x00")); err != nil {
		return err
	}
	answer, err := v.answer()
	if err != nil {
		return err
	}
	version, made, err := parseVersion(answer)
	if err != nil {
		return unable{err}
	}
	v.version = version
	switch age := time.Since(made); {
	case made.IsZero() && !v.rule.Undated:
		return cannot("signatures bear no date (undated = true accepts one's own)")
	case age < -aheadMost && !made.IsZero():
		return cannot("signatures are of %s, which is to come: look at the clocks", made.Format("2006-01-02 15:04"))
	case !made.IsZero() && age > v.rule.MaxAge:
		return cannot("signatures are %d days old, %s are allowed: update them", int(age.Hours()/24), v.rule.MaxAge)
	}
	return nil
}

func (v *virus) dial() error {
	v.close()
	conn, err := (&net.Dialer{Timeout: max(v.left, 0)}).DialContext(v.ctx, "unix", v.rule.Socket)
	if err != nil {
		return cannot("clamd does not answer: %w", err)
	}
	v.conn, v.unwatch = conn, context.AfterFunc(v.ctx, func() { conn.Close() })
	return nil
}

// send writes; where the daemon has closed its end, what it said before that is the reason.
func (v *virus) send(p []byte) error {
	err := v.within(func() error { _, err := v.conn.Write(p); return err })
	if err == nil {
		return nil
	}
	defer v.close()
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return unable{err}
	}
	if answer, said := v.answer(); said == nil {
		if _, fault := parseScan(answer); fault != nil {
			return unable{fault}
		}
	}
	return cannot("clamd does not take the file: %w", err)
}

// maxAnswer bounds an answer of the daemon, in octets.
const maxAnswer = 4096

// answer reads to the NUL.
func (v *virus) answer() (string, error) {
	var text []byte
	err := v.within(func() error {
		buffer := make([]byte, 512)
		for len(text) == 0 || text[len(text)-1] != 0 {
			n, err := v.conn.Read(buffer)
			if text = append(text, buffer[:n]...); len(text) > maxAnswer {
				return errors.New("clamd answers without end")
			}
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", cannot("clamd does not answer: %w", err)
	}
	return string(text[:len(text)-1]), nil
}

func (v *virus) within(exchange func() error) error {
	begun := time.Now()
	err := v.conn.SetDeadline(begun.Add(max(v.left, 0)))
	if err == nil {
		err = exchange()
	}
	v.left -= time.Since(begun)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fmt.Errorf("took too long (timeout = %q): %w", v.rule.Timeout.String(), err)
	}
	return err
}

func (v *virus) close() {
	if v.conn != nil {
		v.unwatch()
		v.conn.Close()
		v.conn = nil
	}
}

// parseScan reads the answer to INSTREAM: what was found, "" for nothing. Every other answer is an error.
func parseScan(answer string) (found string, err error) {
	if answer == "stream: OK" {
		return "", nil
	}
	name, ok := strings.CutPrefix(answer, "stream: ")
	if name, ok2 := strings.CutSuffix(name, " FOUND"); ok && ok2 && isWord(name) {
		return name, nil
	}
	if strings.HasPrefix(answer, "INSTREAM size limit exceeded") {
		return "", errors.New("the file is longer than clamd takes: raise StreamMaxLength in clamd.conf")
	}
	return "", fmt.Errorf("clamd answers %.100q", answer)
}

// isWord says whether text is a signature's name: printable ASCII.
func isWord(text string) bool {
	return text != "" && len(text) <= 256 && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}

// parseVersion reads the answer to VERSION: "ClamAV 1.4.6/27812/Sun Nov 22 08:24:03 2026", where the date is that of the signatures, in the
// daemon's time zone and taken as ours. Signatures of one's own alone have none: "ClamAV 1.4.6".
func parseVersion(answer string) (version string, made time.Time, err error) {
	if !isWord(answer) || !strings.HasPrefix(answer, "ClamAV ") {
		return "", time.Time{}, fmt.Errorf("clamd answers %.100q when asked for its version", answer)
	}
	parts := strings.Split(answer, "/")
	if len(parts) < 3 {
		return answer, time.Time{}, nil
	}
	made, err = time.ParseInLocation("Mon Jan _2 15:04:05 2006", parts[2], time.Local)
	if len(parts) > 3 || err != nil {
		return "", time.Time{}, fmt.Errorf("clamd answers %.100q when asked for its version", answer)
	}
	return answer, made, nil
}
