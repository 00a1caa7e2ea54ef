package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"pawl/hw/testbed"
)

// The halves of the transfer scenario run on two machines with a diode between them:
//
//	low   TransferSend     pawl-send                     ═══▶  high  TransferReceive   pawl-receive, pawl-release
//
// Nothing comes back, so each transfer says by itself what it must be. It is one folder:
//
//	<run>-<n>/content/…         the mix
//	<run>-<n>/pawl-bench.json   statement: what the sender was told, and what content/ holds, with digests

const (
	statementFile = "pawl-bench.json"
	contentFolder = "content"
	// maxStatement bounds what is read of a statement: it comes from the other side. A file takes some 200 octets of it.
	maxStatement = 64 << 20
)

// statement is what a transfer of the halves says of itself.
type statement struct {
	Run     string        `json:"run"`
	Number  int           `json:"number"` // from 1
	Of      int           `json:"of"`
	Mix     Mix           `json:"mix"`
	Seed    uint64        `json:"seed"`
	MTU     int           `json:"mtu"`
	Rate    uint64        `json:"rate_bps"`
	Seal    string        `json:"seal"`
	Passes  int           `json:"passes"`
	Stated  float64       `json:"stated_loss"`
	Outage  float64       `json:"outage_s"`
	Every   float64       `json:"every_s"`
	Entries []statedEntry `json:"entries"` // of content/, itself included as "."
}

type statedEntry struct {
	Path    string    `json:"path"`
	Dir     bool      `json:"dir,omitempty"`
	Size    int64     `json:"size,omitempty"`
	ModTime time.Time `json:"mod_time"`
	Exec    bool      `json:"exec,omitempty"`
	Digest  []byte    `json:"sha256,omitempty"`
}

// state enters what a survey found.
func (s *statement) state(found survey) {
	for _, path := range sortedKeys(found) {
		e := found[path]
		one := statedEntry{Path: path, Dir: e.dir, Size: e.size, ModTime: e.modTime.UTC(), Exec: e.exec}
		if !e.dir {
			one.Digest = e.digest[:]
		}
		s.Entries = append(s.Entries, one)
	}
}

// survey is what was stated, to be held against what is there.
func (s *statement) survey() survey {
	all := survey{}
	for _, e := range s.Entries {
		one := surveyed{dir: e.Dir, size: e.Size, modTime: e.ModTime, exec: e.Exec}
		copy(one.digest[:], e.Digest)
		all[e.Path] = one
	}
	return all
}

// readStatement reads and checks a statement. It is never more than compared and shown.
func readStatement(file string) (*statement, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := json.NewDecoder(io.LimitReader(f, maxStatement))
	in.DisallowUnknownFields()
	s := new(statement)
	if err := in.Decode(s); err != nil {
		return nil, fmt.Errorf("what the transfer says of itself: %w", err)
	}
	switch {
	case !slices.Contains(Mixes(), s.Mix), s.Seal != sealed && s.Seal != "none":
		err = errors.New("no such mix or seal")
	case s.Of < 1 || s.Of > MaxRepeat || s.Number < 1 || s.Number > s.Of || len(s.Run) != runLength:
		err = fmt.Errorf("number %d of %d", s.Number, s.Of)
	case s.MTU < 576 || s.MTU > 65535 || s.Rate == 0 || s.Rate > MaxLinkRate || s.Passes < 1 || s.Passes > 255:
		err = fmt.Errorf("MTU %d, rate %d, %d passes", s.MTU, s.Rate, s.Passes)
	case !(s.Stated >= 0 && s.Stated < 1 && s.Outage >= 0 && s.Outage < 3600 && s.Every >= 0 && s.Every < 86400):
		err = fmt.Errorf("loss %v, outages of %v s every %v s", s.Stated, s.Outage, s.Every)
	}
	if err != nil {
		return nil, fmt.Errorf("what the transfer says of itself is impossible: %w", err)
	}
	return s, nil
}

// MaxRepeat is how many transfers one run of the halves may have.
const MaxRepeat = 1000

// runLength is the length of a run's name: 16 hexadecimal digits.
const runLength = 16

// here runs a program on this machine, whichever side it is of.
func here(_ testbed.Side, name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }

// MakeHalfKeys makes the two folders of keys that the halves need, dir/low and dir/high: each is for one machine, and holds that side's own
// key and the other's public half. programs is the folder of pawl-key, "" that of this executable.
func MakeHalfKeys(dir, programs string) (err error) {
	if programs == "" {
		if programs, err = programsBeside(); err != nil {
			return err
		}
	}
	for _, k := range []struct{ role, own, other string }{{"sender", "low", "high"}, {"receiver", "high", "low"}} {
		for _, folder := range []string{k.own, k.other} {
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
				return err
			}
		}
		file := filepath.Join(dir, k.own, k.role+".key")
		if out, err := exec.Command(filepath.Join(programs, "pawl-key"), k.role, "-o", file).CombinedOutput(); err != nil {
			return fmt.Errorf("pawl-key %s: %w: %s", k.role, err, out)
		}
		if err := os.Rename(file+".pub", filepath.Join(dir, k.other, k.role+".key.pub")); err != nil {
			return err
		}
	}
	return nil
}
