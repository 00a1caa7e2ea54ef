package sender

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"go.uber.org/zap"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
)

// DefaultQuiet is how long nothing in an entry must change before it counts as complete.
const DefaultQuiet = 2 * time.Second

// maxPasses is what a beat can say.
const maxPasses = 255

// Config is what a sender works with.
type Config struct {
	State   string            // folder for the numbers that only grow
	Socket  string            // path of the Unix socket; "" for none
	Version string            // of the program, for the beat
	Digest  [sha256.Size]byte // SHA-256 of the configuration, for the beat

	Seal          seal.Mode
	Key           *seal.SenderKey      // signs proofs, and sessions unless Seal is none
	Receiver      *seal.ReceiverPublic // nil only if Seal is none
	Receipt       *seal.ReceiptKey     // tells receipt codes from invented ones; nil: none can be confirmed
	LinkNumber    uint8                // of Link; those of More count on from it
	RotateEvery   time.Duration        // 0: DefaultRotateEvery
	RotatePackets uint64               // 0: DefaultRotatePackets, which is the most

	Link     Link
	Pacer    Pacer
	Method   func() string // names how the link sends; nil: not known
	More     []Path        // further links; the symbols of each block are spread over all of them
	Forecast fec.Link      // what the links do: SymbolSize, WireSize and Rate above all; with More also the Rates of all

	Channels []Channel
	// Watch sends news of a folder to events until ctx ends. Without it, or when it fails,
	// outboxes are looked at every half quiet time.
	Watch func(ctx context.Context, folder string, events chan<- Event) error
	Log   *zap.Logger // nil: none
	Audit *Trail      // the low side's own audit log; nil: none is kept
	// Notice is what the program around has to say in the status's warning, "" for nothing; nil: nothing ever.
	Notice func() string
}

// Path is one more link, as Config has the first.
type Path struct {
	Link   Link
	Pacer  Pacer
	Method func() string
}

// Channel is one flow of transfers with its folder.
type Channel struct {
	ID       uint16 // 1 to 65535, the same on both sides
	Name     string
	Folder   string        // holds outbox, claimed, sent and refused, all of one file system
	Passes   int           // how often content is sent; 0: once
	PassGap  time.Duration // from the end of one pass to the next
	Quiet    time.Duration // 0: DefaultQuiet
	Symlinks Symlinks
	Intake   Intake    // what is taken, and when
	FEC      *fec.Plan // code, K, R and depth set by hand, for objects large enough; nil: planned
	Stated   Statement // what its transfers are planned for; zero: Config.Forecast

	Class   Class    // how urgent its transfers are, if nobody says otherwise of one
	Weight  int      // its share of the link among the channels of its class; 0: DefaultWeight
	Windows []Window // when content is sent, at most 64; nil: always
	Quota   Quota    // what is sent in a day
	Keep    Keep     // of sent/

	Carousel Carousel // what is sent again while the link is idle
}

func (c *Config) check() error {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.RotateEvery <= 0 {
		c.RotateEvery = DefaultRotateEvery
	}
	if c.RotatePackets == 0 || c.RotatePackets > DefaultRotatePackets {
		c.RotatePackets = DefaultRotatePackets
	}
	t := c.Forecast.SymbolSize
	switch {
	case t < framing.MinSymbolSize || t > framing.MaxSymbolSize || t%64 != 0:
		return fmt.Errorf("symbol size %d is none of a link", t)
	case c.Forecast.WireSize < t+framing.Overhead:
		return fmt.Errorf("datagram of %d octets takes %d on the wire", t+framing.Overhead, c.Forecast.WireSize)
	case slices.ContainsFunc(c.paths(), func(p Path) bool { return p.Link == nil || p.Pacer == nil }):
		return errors.New("link or pacer missing")
	case max(len(c.Forecast.Rates), 1) != 1+len(c.More):
		return fmt.Errorf("rates of %d links for %d", len(c.Forecast.Rates), 1+len(c.More))
	case int(c.LinkNumber)+len(c.More) > math.MaxUint8:
		return fmt.Errorf("%d links from number %d on: numbers end at %d", 1+len(c.More), c.LinkNumber, math.MaxUint8)
	case c.Key == nil:
		return errors.New("sender's key missing")
	case c.Receiver == nil && c.Seal != seal.ModeNone:
		return errors.New("receiver's key missing")
	case len(c.Channels) == 0:
		return errors.New("no channel")
	}
	if _, err := c.Forecast.Plan(1); err != nil {
		return err
	}
	if err := CheckChannels(c.Channels); err != nil {
		return err
	}
	for i := range c.Channels {
		if _, err := c.Channels[i].Forecast(c.Forecast).Plan(1); err != nil {
			return fmt.Errorf("channel %q: %w", c.Channels[i].Name, err)
		}
	}
	return CheckSurvival(c.Forecast, c.Channels)
}

// paths are all links.
func (c *Config) paths() []Path {
	return append([]Path{{c.Link, c.Pacer, c.Method}}, c.More...)
}

// CheckSurvival refuses a geometry set by hand that can't bear the loss of the links that
// the forecast says may be lost.
func CheckSurvival(forecast fec.Link, all []Channel) error {
	for _, c := range all {
		if f := c.FEC; f != nil && forecast.Missing(f.K+f.R) > f.R {
			return fmt.Errorf("channel %q: fec: K=%d R=%d loses up to %d symbols of a block with %d of %d links, more than R",
				c.Name, f.K, f.R, forecast.Missing(f.K+f.R), forecast.Survive, len(forecast.Rates))
		}
	}
	return nil
}

// CheckChannels says what New would say of a list of channels.
func CheckChannels(all []Channel) error {
	ids, names, folders := map[uint16]bool{}, map[string]bool{}, map[string]bool{}
	for i, c := range all {
		folder := filepath.Clean(c.Folder)
		switch {
		case c.ID == 0:
			return fmt.Errorf("channel %d of the list: id is missing", i+1)
		case c.Name == "" || c.Folder == "":
			return fmt.Errorf("channel %d: name or folder is missing", c.ID)
		case ids[c.ID] || names[c.Name] || folders[folder]:
			return fmt.Errorf("channel %d, %q: id, name or folder is another channel's too", c.ID, c.Name)
		case c.Passes < 0 || c.Passes > maxPasses || c.PassGap < 0 || c.Quiet < 0:
			return fmt.Errorf("channel %q: %d passes every %v, quiet %v", c.Name, c.Passes, c.PassGap, c.Quiet)
		case c.Weight < 0 || c.Weight > maxWeight:
			return fmt.Errorf("channel %q: weight %d is not in 1 to %d", c.Name, c.Weight, maxWeight)
		case c.Class >= idle:
			return fmt.Errorf("channel %q: there is no %v", c.Name, c.Class)
		case len(c.Windows) > maxWindows:
			return fmt.Errorf("channel %q: %d windows are more than %d", c.Name, len(c.Windows), maxWindows)
		}
		if err := errors.Join(c.Intake.check(), c.Carousel.check()); err != nil {
			return fmt.Errorf("channel %q: %w", c.Name, err)
		}
		if c.FEC != nil {
			if err := fec.Check(c.FEC.Code, c.FEC.K, c.FEC.R); err != nil {
				return fmt.Errorf("channel %q: %w", c.Name, err)
			}
		}
		ids[c.ID], names[c.Name], folders[folder] = true, true, true
	}
	return nil
}

// Statement is what a channel's transfers are planned for where that is not what the link is said to do. What is zero is the link's.
type Statement struct {
	Loss       float64       // random loss, 0 to 1
	Burst      time.Duration // the longest outage
	BurstEvery time.Duration // from the start of one to the start of the next
	Failure    float64       // acceptable probability that a transfer does not arrive whole
}

// Forecast is the link as the channel's transfers are planned for it.
func (c *Channel) Forecast(link fec.Link) fec.Link {
	s := c.Stated
	if s.Loss > 0 {
		link.Loss = s.Loss
	}
	if s.Burst > 0 {
		link.Burst, link.BurstEvery = s.Burst, s.BurstEvery
	} else if s.BurstEvery > 0 {
		link.BurstEvery = s.BurstEvery
	}
	if s.Failure > 0 {
		link.Failure = s.Failure
	}
	return link
}

func (c Channel) withDefaults() Channel {
	if c.Passes == 0 {
		c.Passes = 1
	}
	if c.Quiet == 0 {
		c.Quiet = DefaultQuiet
	}
	if c.Weight == 0 {
		c.Weight = DefaultWeight
	}
	c.Carousel = c.Carousel.withDefaults()
	if c.Intake.Complete == 0 {
		c.Intake.Complete = DefaultComplete
	}
	return c
}
