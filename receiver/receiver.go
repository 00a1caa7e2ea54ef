// Package receiver is the high side that faces the diode: it takes datagrams from the link and leaves whole transfers in
// quarantine.
//
//	link ─ ingest ─────────── open ───────────── rebuild ─────── assemble ──────── quarantine
//	       batch of datagrams tag checked,       any K of K+R    pwrite + journal  rename
//	       48 + T + 16 each   T octets straight  symbols: Reed–  (SBN, XXH64),     incoming → complete
//	         │                into the block's   Solomon         sync every 64 MiB          or incomplete
//	         │                slot                 │                  │
//	         └── one goroutine: sessions, ledger,  └── some goroutines ┘
//	             transfers, blocks, memory
//
// Each symbol says by itself where it belongs, so nothing must have come before it: packets of several passes, sessions and
// links add up. Everything that comes from the low side is data: nothing becomes a length, an offset, a path or an
// allocation before its tag was right and it was held against the channel's limits. Memory is one budget of block
// buffers; when it is spent, the short blocks touched longest ago are parked on the disk.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/quarantine"
)

// Source is where datagrams come from: hw/link's Reader, or linktest's.
type Source interface {
	// Read returns a batch of datagrams, which are valid until the next Read. After the deadline it returns
	// os.ErrDeadlineExceeded, after Close net.ErrClosed.
	Read() ([][]byte, error)
	SetDeadline(t time.Time) error
}

// Channel is a flow that this receiver takes, with its limits. Zero means the default.
type Channel struct {
	ID           uint16 // 1 to 65535, as in the packets
	Name         string
	Quota        uint64        // octets that all its transfers short of release may take on the disk; default 1 TiB
	MaxTransfer  uint64        // octets of content of one transfer; default Quota
	MaxTransfers int           // transfers arriving at once; default 256
	Expect       []Expectation // when something must arrive; default never
	Grace        time.Duration // how much later it may be; default DefaultGrace
}

// Config is what a receiver needs. Zero means the default where one is named.
type Config struct {
	Store        *quarantine.Store
	StateDir     string            // keeps the session numbers; needed when packets are sealed
	Mode         seal.Mode         // how packets are sealed
	Key          *seal.ReceiverKey // unless Mode is none
	Sender       seal.SenderPublic // the one sender that is believed
	DatagramSize int               // octets: 48 + T + 16
	Memory       int               // octets of block buffers; default 128 MiB
	Idle         time.Duration     // silence after which a short transfer is put aside; default 30 s
	StatusEvery  time.Duration     // default 1 s
	Writers      int               // goroutines that rebuild and write; default the number of processors, at most 4
	Channels     []Channel
	Arrivals     map[string]time.Time // by channel: when something last arrived, from Status of an earlier run; default not known
	Watches      []Watch              // interfaces whose silence is evidence; default none
	Log          *zap.Logger          // default none
}

// Receiver takes transfers from a source into quarantine.
type Receiver struct {
	cfg      Config
	log      *zap.Logger
	source   Source
	channels map[uint16]*Channel

	// Owned by the goroutine in Run.
	header        framing.Header
	scratch       []byte // T octets: symbols whose slot is not known yet
	sessions      *sessions
	transfers     map[quarantine.ID]*transfer
	last          *transfer
	finished      *finished
	denied        map[quarantine.ID]struct{} // refused in this second
	refused       map[uint16]time.Time       // when a refusal of a channel was last logged
	recency       recency
	arrivingBytes map[uint16]uint64 // by channel: octets of the objects in memory's books
	books         int               // octets that the objects' sets take
	unwritten     []*block          // refused by the disk
	unsettled     []*transfer       // could not leave incoming
	trouble       bool
	ledger        Ledger
	started       time.Time
	retried       time.Time
	published     time.Time
	beat          *framing.Beat
	beatSession   *session
	beatPacket    uint64
	beatHeard     time.Time
	low           *lowSide
	completed     uint64
	putAsides     uint64
	parkings      uint64
	forgotten     uint64
	witnesses     []*witness
	account       account
	faults        faults

	changes chan change   // to the goroutine in Run
	ended   chan struct{} // closed when Run ends

	// Shared with the goroutines that write.
	pool        *pool
	codecs      fec.Codecs
	blocks      chan *block
	syncs       chan *transfer
	finishers   chan struct{} // holds one token for each transfer being settled
	finishing   sync.WaitGroup
	inFlight    atomic.Int64  // blocks with the writers
	freed       chan struct{} // a writer is done with a block
	written     atomic.Uint64
	rebuilt     atomic.Uint64
	margin      margin
	resultsMu   sync.Mutex
	results     []result
	haveResults atomic.Bool
	waiting     waiting
	status      atomic.Pointer[Status]
}

// maxSettling is how many transfers are brought to the disk and moved to complete side by side.
const maxSettling = 4

// defaultIdle is the silence after which a short transfer is put aside.
const defaultIdle = 30 * time.Second

// New checks the configuration and reads the state kept from before.
func New(cfg Config) (*Receiver, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	r := &Receiver{
		cfg: cfg, log: cfg.Log, channels: map[uint16]*Channel{}, scratch: make([]byte, cfg.DatagramSize-framing.Overhead),
		transfers: map[quarantine.ID]*transfer{}, finished: newFinished(), denied: map[quarantine.ID]struct{}{},
		refused: map[uint16]time.Time{}, arrivingBytes: map[uint16]uint64{}, pool: newPool(cfg.Memory),
		blocks: make(chan *block, 4*cfg.Writers), syncs: make(chan *transfer, 1), finishers: make(chan struct{}, maxSettling),
		changes: make(chan change), ended: make(chan struct{}), freed: make(chan struct{}, 1), waiting: waiting{store: cfg.Store, perChan: map[uint16]uint64{}},
	}
	r.recency.init()
	for i := range cfg.Channels {
		c := &cfg.Channels[i]
		if err := c.fill(); err != nil {
			return nil, err
		}
		if r.channels[c.ID] != nil {
			return nil, fmt.Errorf("receiver: channel id %d is used twice", c.ID)
		}
		r.channels[c.ID] = c
	}
	dir := cfg.StateDir
	if cfg.Mode == seal.ModeNone {
		dir = ""
		r.log.Warn("seal is none: nothing that arrives is authenticated, anybody on the link can forge it")
	}
	var err error
	r.sessions, err = openSessions(dir)
	return r, err
}

// fill sets defaults and refuses what can't work.
func (c *Config) fill() error {
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	if c.Memory == 0 {
		c.Memory = 128 << 20
	}
	if c.Idle == 0 {
		c.Idle = defaultIdle
	}
	if c.StatusEvery == 0 {
		c.StatusEvery = time.Second
	}
	if c.Writers == 0 {
		c.Writers = min(runtime.GOMAXPROCS(0), 4)
	}
	switch {
	case c.Store == nil:
		return errors.New("receiver: no quarantine")
	case c.Memory < 16<<20:
		return fmt.Errorf("receiver: memory of %d octets is too little, give it at least 16 MiB", c.Memory)
	case c.DatagramSize < framing.MinSymbolSize+framing.Overhead || c.DatagramSize > framing.MaxSymbolSize+framing.Overhead:
		return fmt.Errorf("receiver: datagrams of %d octets are impossible", c.DatagramSize)
	case c.Mode != seal.ModeNone && (c.Key == nil || c.StateDir == ""):
		return errors.New("receiver: sealed packets need the receiver's key and a state folder")
	case len(c.Channels) == 0:
		return errors.New("receiver: no channel is configured")
	}
	return nil
}

// fill sets a channel's defaults.
func (c *Channel) fill() error {
	if c.ID == 0 {
		return fmt.Errorf("receiver: channel %q has no id", c.Name)
	}
	if c.Quota == 0 {
		c.Quota = 1 << 40
	}
	if c.MaxTransfer == 0 {
		c.MaxTransfer = c.Quota
	}
	if c.MaxTransfers == 0 {
		c.MaxTransfers = 256
	}
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}
	return nil
}

// Run receives until ctx ends. What is open then is parked, so that a later run goes on from there. It may be called once.
func (r *Receiver) Run(ctx context.Context, source Source) error {
	defer close(r.ended)
	r.source, r.started = source, time.Now()
	r.low = newLowSide(r.cfg.Arrivals, r.cfg.Channels, r.started)
	r.beginWatch()
	r.account = account{}
	var writers, syncers sync.WaitGroup
	for range r.cfg.Writers {
		writers.Go(r.write)
	}
	syncers.Go(r.syncer)
	err := r.resume(r.started)
	if err == nil {
		err = r.ingest(ctx)
	}
	close(r.blocks)
	writers.Wait()
	close(r.syncs)
	syncers.Wait()
	r.finishing.Wait()
	return errors.Join(err, r.stop())
}

// ingest is the loop: a batch of datagrams, then what the writers report, then what time asks for. A link that can't be read is
// tried again; only a closed one is the end.
func (r *Receiver) ingest(ctx context.Context) error {
	next := time.Now()
	for ctx.Err() == nil {
		now := time.Now()
		if !now.Before(next) {
			r.tick(now)
			next = now.Add(tickEvery)
			if err := r.source.SetDeadline(next); err != nil {
				return fmt.Errorf("read from link: %w", err)
			}
		}
		batch, err := r.source.Read()
		if len(batch) > 0 {
			now = time.Now()
			for _, datagram := range batch {
				r.ledger.enter(r.take(datagram, now), len(datagram))
			}
		}
		switch {
		case err == nil || errors.Is(err, os.ErrDeadlineExceeded):
			r.faults.backoff = backoff{}
		default:
			wait, ok := r.faults.failed(err, now, r.log)
			if !ok {
				return nil
			}
			pause(wait, ctx.Done())
		}
		r.drain()
	}
	return nil
}

// stop parks what is open once the writers are done, and publishes the last status.
func (r *Receiver) stop() error {
	r.drain()
	for len(r.unwritten) > 0 {
		r.giveUp(r.unwritten[0])
	}
	var errs []error
	for _, t := range r.transfers {
		r.parkAll(t)
		errs = append(errs, t.sync(), t.rest())
	}
	r.publish(time.Now())
	return errors.Join(errs...)
}
