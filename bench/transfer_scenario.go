package bench

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"pawl/fec"
	"pawl/hw/testbed"
)

// TransferScenario is one transfer by the real programs over a testbed. Zero values mean
// what their comment says.
type TransferScenario struct {
	Mix      Mix           // what crosses; "" is MixRandom
	Size     uint64        // octets, of MixRandom and MixSmall; 0 is the mix's own
	Seed     uint64        // of the content
	MTU      int           // of the link; 0 is 1500
	Loss     testbed.Loss  // what the link does
	Stated   *float64      // random loss as told to the sender; nil: as it is
	Rate     uint64        // bit/s on the wire, of each link; 0 is 2.5e9
	Links    int           // side by side, all alike; 0 is 1
	Survive  int           // how many of them the sender is told may be lost
	Cut      *Cut          // one of them breaks; nil: none does
	Seal     string        // "" is "aes-256-gcm"
	Passes   int           // 0 is 1
	PassGap  time.Duration // between passes; 0: at once
	Late     time.Duration // the receiver starts this long after the file was submitted
	Kill     bool          // kill -9 the receiver when half of the content is there, and start it again
	Uncut    bool          // let GSO packets cross whole; see testbed.Config
	Programs string        // folder of the programs; "" is that of this executable
	Work     string        // where to make the work folder; "" is /dev/shm, or else the folder for temporary files
	High     string        // where to make the folders of the high side; "" is in the work folder
	Version  string        // of this program, for the report
	Keep     bool          // leave the work folder
	Timeout  time.Duration // of the transfer; 0 is ten times what the rate asks for, and a minute
}

// ErrScenario says that a TransferScenario contradicts itself.
var ErrScenario = errors.New("no such scenario")

// check refuses what contradicts itself.
func (s *TransferScenario) check() error {
	switch {
	case s.Links < 1 || s.Links > testbed.MaxPairs || s.Links > fec.MaxLinks || s.Survive < 0 || s.Survive >= s.Links:
		return fmt.Errorf("%w: %d of %d links lost", ErrScenario, s.Survive, s.Links)
	case s.Cut != nil && (s.Cut.Link < 0 || s.Cut.Link >= s.Links || !(s.Cut.At >= 0 && s.Cut.At < 1)):
		return fmt.Errorf("%w: link %d of %d, counted from 0, cut at %v of the content", ErrScenario, s.Cut.Link, s.Links, s.Cut.At)
	}
	return nil
}

func (s *TransferScenario) defaults() (err error) {
	s.Links = max(s.Links, 1)
	if err := s.check(); err != nil {
		return err
	}
	if s.Mix == "" {
		s.Mix = MixRandom
	}
	if s.MTU == 0 {
		s.MTU = 1500
	}
	if s.Rate == 0 {
		s.Rate = 2.5e9
	}
	if s.Seal == "" {
		s.Seal = "aes-256-gcm"
	}
	if s.Passes == 0 {
		s.Passes = 1
	}
	if s.Stated == nil {
		s.Stated = &s.Loss.Random
	}
	if s.Programs == "" {
		s.Programs, err = programsBeside()
		return err
	}
	return checkPrograms(s.Programs)
}

// folders makes the work folder and that of the high side, "" if it is in the work folder. clear removes them.
func (s *TransferScenario) folders(say func(string)) (dir, high string, clear func() error, err error) {
	if dir, err = workFolder(s.Work); err != nil {
		return "", "", nil, err
	}
	clear = func() error { return os.RemoveAll(dir) }
	if s.High != "" {
		if high, err = workFolder(s.High); err != nil {
			return "", "", nil, errors.Join(err, clear())
		}
		clear = func() error { return errors.Join(os.RemoveAll(dir), os.RemoveAll(high)) }
	}
	if s.Keep {
		say(strings.TrimSpace("work folder: " + dir + " " + high))
		clear = func() error { return nil }
	}
	return dir, high, clear, nil
}
