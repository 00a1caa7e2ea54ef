package sender

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"pawl/framing"
	"pawl/framing/lowlog"
	"pawl/framing/merkle"
)

const (
	// trailWaiting is how many entries may wait for the disk, some 300 octets each. What comes when they do is not kept, and
	// the log says how much that was.
	trailWaiting = 16 << 10
	// trailBatch is how many entries one turn writes: with their 16 full tiles they cost some 80 syncs together.
	trailBatch = 4 << 10
	// trailGap is the least time between two turns, so that many small transfers share theirs.
	trailGap = time.Second
	// trailRetry is the longest pause after a turn that failed; the first is trailGap.
	trailRetry = 30 * time.Second
)

// Trail is the low side's own audit log: a writer of framing/merkle behind a bounded queue. Nobody waits for it: a disk that is slow,
// full or gone costs entries, which are counted and told, and never the line.
type Trail struct {
	store merkle.Store
	key   *merkle.Key
	log   *zap.Logger

	queue   chan *lowlog.Entry
	waiting atomic.Int64  // entries noted and not yet on disk
	missed  atomic.Uint64 // entries that found the queue full and are not yet told of in the log
	lost    atomic.Uint64 // all of them, since the start
	at      atomic.Pointer[merkle.Checkpoint]

	mu    sync.Mutex
	fault string // why the log can't be written, "" while it can

	writer  *merkle.Writer // of the goroutine in run; nil until the log could be opened
	pending [][]byte       // encoded, not yet written
	told    uint64         // of missed, in pending
}

// AuditStatus is what is said of the low side's audit log.
type AuditStatus struct {
	Log     string `json:"log"`             // its name
	Size    int64  `json:"size"`            // entries that are on disk under a signed checkpoint
	Root    string `json:"root"`            // root hash at that size, hexadecimal
	Waiting int64  `json:"waiting"`         // entries that are not on disk yet
	Lost    uint64 `json:"lost"`            // entries that were not kept, since the start
	Fault   string `json:"fault,omitempty"` // why it can't be written now
}

// NewTrail makes a log of the folder behind store, signed by key. It is opened when the sender runs.
func NewTrail(store merkle.Store, key *merkle.Key) *Trail {
	return &Trail{store: store, key: key, log: zap.NewNop(), queue: make(chan *lowlog.Entry, trailWaiting)}
}

// begin opens the log and keeps it until end is called. A log that can't be opened is tried on: sending goes on without.
func (t *Trail) begin(cfg *Config) (end func(cause error)) {
	if t == nil {
		return func(error) {}
	}
	t.log = cfg.Log
	t.note(&lowlog.Start{Version: lowlog.Text(cfg.Version), Config: hex.EncodeToString(cfg.Digest[:])})
	t.failed(t.turn())
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t.run(done)
	}()
	return func(cause error) {
		reason := ""
		if cause != nil {
			reason = lowlog.Text(cause.Error())
		}
		t.note(&lowlog.Stop{Reason: reason})
		close(done)
		<-ended
	}
}

// note puts an entry into the queue, or counts it as missed. It never waits, and a nil trail takes it too.
func (t *Trail) note(body lowlog.Body) {
	if t == nil {
		return
	}
	t.waiting.Add(1)
	select {
	case t.queue <- lowlog.New(time.Now(), body):
	default:
		t.waiting.Add(-1)
		t.missed.Add(1)
		t.lost.Add(1)
	}
}

// noteTransfer notes what became of a transfer. That it was sent is noted when it lies in sent/, where its proof is.
func (t *Trail) noteTransfer(f *flight, event lowlog.Event) {
	if t == nil {
		return
	}
	rec := f.rec
	e := &lowlog.Transfer{
		ID: rec.ID, Event: event, Name: lowlog.Text(rec.Name), Files: rec.Files, Bytes: rec.Content,
		Path: lowlog.Text(rec.Path), Reason: lowlog.Text(rec.Reason),
	}
	if event == lowlog.Sent {
		if body, err := proofBody(filepath.Join(f.channel.folder("sent"), rec.ID, proofFile)); err == nil {
			e.Proof = hex.EncodeToString(body[:])
		}
	}
	t.note(e)
}

// run writes what is in the queue until done is closed, and then once more.
func (t *Trail) run(done <-chan struct{}) {
	pause, again := trailGap, trailGap
	for {
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-done:
			wait.Stop()
			t.rest()
			return
		}
		if len(t.pending) == 0 && t.missed.Load() == 0 {
			select {
			case e := <-t.queue:
				t.encode(e)
			case <-done:
				t.rest()
				return
			}
		}
		err := t.turn()
		t.failed(err)
		switch {
		case err != nil:
			pause, again = again, min(2*again, trailRetry)
		case len(t.queue) >= trailBatch:
			pause, again = 0, trailGap
		default:
			pause, again = trailGap, trailGap
		}
	}
}

// rest writes all that waits; what can't be written now is lost, and said.
func (t *Trail) rest() {
	for len(t.queue) > 0 || len(t.pending) > 0 || t.missed.Load() > 0 {
		if err := t.turn(); err != nil {
			t.log.Error("entries of the audit log are lost", zap.Int("entries", len(t.pending)+len(t.queue)), zap.Error(err))
			return
		}
	}
}

// turn writes up to trailBatch entries, in one Append.
func (t *Trail) turn() error {
	if t.writer == nil {
		w, begun, err := merkle.NewWriter(t.store, t.key)
		if err != nil {
			return err
		}
		if begun {
			t.log.Warn("a new audit log begins: if there was one here before, stop and look where it is", zap.String("log", t.key.Public().Origin()))
		}
		t.writer = w
		t.show()
	}
	for len(t.pending) < trailBatch && len(t.queue) > 0 {
		t.encode(<-t.queue)
	}
	if n := t.missed.Load(); n > 0 && t.told == 0 {
		t.told = n
		t.waiting.Add(1)
		t.encode(lowlog.New(time.Now(), &lowlog.Missed{Entries: n}))
	}
	if len(t.pending) == 0 {
		return nil
	}
	if _, err := t.writer.Append(t.pending...); err != nil {
		return err
	}
	t.missed.Add(-t.told)
	t.waiting.Add(-int64(len(t.pending)))
	t.pending, t.told = t.pending[:0], 0
	t.show()
	return nil
}

// encode adds an entry to what is written next. Only our own fault makes one that can't be encoded.
func (t *Trail) encode(e *lowlog.Entry) {
	data, err := lowlog.Append(nil, e)
	if err != nil {
		t.log.Error("entry of the audit log", zap.Error(err))
		t.waiting.Add(-1)
		t.lost.Add(1)
		return
	}
	t.pending = append(t.pending, data)
}

// show makes the newest checkpoint the one that is told.
func (t *Trail) show() {
	at := t.writer.Checkpoint()
	t.at.Store(&at)
}

// failed keeps why the log can't be written, and logs when that changes.
func (t *Trail) failed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil && t.fault != "":
		t.log.Info("the audit log can be written again")
		t.fault = ""
	case err != nil && t.fault == "":
		t.log.Error("the audit log can't be written: sending goes on, and what is not kept is counted", zap.Error(err))
		fallthrough
	case err != nil:
		t.fault = err.Error()
	}
}

// ending is the event of a transfer that has come to its final state.
func ending(f *flight, state State) lowlog.Event {
	switch {
	case state == StateSent:
		return lowlog.Sent
	case f.cancelled.Load() != nil:
		return lowlog.Cancelled
	case state == StateRefused:
		return lowlog.Refused
	}
	return lowlog.Aborted
}

// beat enters the checkpoint into a beat.
func (t *Trail) beat(b *framing.Beat) {
	if t == nil {
		return
	}
	if at := t.at.Load(); at != nil {
		b.LogSize, b.LogRoot = uint64(at.Size), at.Root
	}
}

// status is nil when no log is kept.
func (t *Trail) status() *AuditStatus {
	if t == nil {
		return nil
	}
	s := &AuditStatus{Log: t.key.Public().Origin(), Waiting: t.waiting.Load(), Lost: t.lost.Load()}
	if at := t.at.Load(); at != nil {
		s.Size, s.Root = at.Size, hex.EncodeToString(at.Root[:])
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Fault = t.fault
	return s
}

// Log is what is said of the audit log, nothing when none is kept.
func (s *Status) Log() AuditStatus {
	if s.Audit == nil {
		return AuditStatus{}
	}
	return *s.Audit
}

// Trouble says what a person should know of the log, "" for nothing.
func (s *AuditStatus) Trouble() string {
	switch {
	case s == nil:
		return ""
	case s.Fault != "":
		return fmt.Sprintf("the audit log can't be written, %d entries wait and %d are lost: %s", s.Waiting, s.Lost, s.Fault)
	case s.Lost > 0:
		return fmt.Sprintf("%d entries of the audit log were lost, which the log tells of", s.Lost)
	}
	return ""
}
