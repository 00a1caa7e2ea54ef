package receiver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"pawl/framing"
	"pawl/receiver/quarantine"
)

// objectKinds are the objects of a transfer.
var objectKinds = [...]framing.Object{framing.ObjectPlan, framing.ObjectContent, framing.ObjectProof}

// transfer is one transfer that is arriving. The ingest goroutine owns it; what stands below mu is shared with the
// goroutines that write.
type transfer struct {
	id        quarantine.ID
	channel   *Channel
	dir       string
	begun     time.Time // high side's clock
	lastHeard time.Time
	announced time.Time // when a beat last said that more will come
	movedOn   bool      // a beat said that the sender is done with it
	reserved  uint64    // octets counted against the channel's quota
	pending   atomic.Int32

	mu       sync.Mutex
	objects  [len(objectKinds) + 1]*object // by framing.Object; set by ingest, read by all
	files    map[string]*os.File           // open files by name
	journal  *quarantine.Journal
	unsynced int64 // octets written since the last sync was asked for
	content  uint64
	planRead bool // content holds the plan's word for the content's length
	proved   bool // aborted holds the proof's word
	aborted  bool // the proof says that the sender gave the transfer up
	done     bool // everything is on the disk: nothing may be written any more
}

// object returns the object of a kind, nil when nothing of it was heard.
func (t *transfer) object(kind framing.Object) *object { return t.objects[kind] }

// file returns the open file of a name in the transfer's folder, opening or making it. t.mu must be held.
func (t *transfer) file(name string) (*os.File, error) {
	if f := t.files[name]; f != nil {
		return f, nil
	}
	f, err := os.OpenFile(filepath.Join(t.dir, name), os.O_RDWR|os.O_CREATE, quarantine.FileMode)
	if err != nil {
		return nil, err
	}
	t.files[name] = f
	return f, nil
}

// lockedFile is file for those who do not hold t.mu.
func (t *transfer) lockedFile(name string) (*os.File, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.file(name)
}

// log returns the journal, opening it where it was closed. t.mu must be held.
func (t *transfer) log() (*quarantine.Journal, error) {
	if t.journal == nil {
		j, _, _, err := quarantine.OpenJournal(t.dir)
		if err != nil {
			return nil, err
		}
		t.journal = j
	}
	return t.journal, nil
}

// rest closes the files of a transfer that is not being written; they are opened again when they are needed.
func (t *transfer) rest() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return nil // finish has them
	}
	return t.closeFiles()
}

// closeFiles closes what is open; t.mu must be held.
func (t *transfer) closeFiles() error {
	var errs []error
	for name, f := range t.files {
		errs = append(errs, f.Close())
		delete(t.files, name)
	}
	if t.journal != nil {
		errs = append(errs, t.journal.Close())
		t.journal = nil
	}
	return errors.Join(errs...)
}

// sync brings what was written to stable storage and marks it in the journal. It does not hold t.mu while the disk works.
func (t *transfer) sync() error {
	t.mu.Lock()
	if t.done {
		t.mu.Unlock()
		return nil
	}
	var files []*os.File
	for _, o := range t.objects {
		if o != nil && t.files[o.fileName()] != nil {
			files = append(files, t.files[o.fileName()])
		}
	}
	journal, err := t.log()
	t.mu.Unlock()
	if err != nil {
		return err
	}
	err = journal.Sync(func() error { return syncAll(files) })
	if errors.Is(err, fs.ErrClosed) {
		return nil // finished or resting meanwhile: both sync for themselves or are hashed again
	}
	return err
}

// syncAll syncs files one after the other.
func syncAll(files []*os.File) error {
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// readPlan takes the content's length from the plan's head. t.mu must be held and the plan be whole.
func (t *transfer) readPlan() error {
	if t.planRead {
		return nil
	}
	f, err := t.file(quarantine.PlanFile)
	if err != nil {
		return err
	}
	plan, err := framing.NewPlanReader(newSection(f), framing.PlanLimits{})
	if err != nil {
		return fmt.Errorf("plan of %s: %w", t.id, err)
	}
	t.content, t.planRead = plan.Head().Content, true
	return nil
}

// readProof learns from the proof's head whether the sender gave the transfer up. t.mu must be held and the proof be whole.
func (t *transfer) readProof() error {
	if t.proved {
		return nil
	}
	f, err := t.file(quarantine.ProofFile)
	if err != nil {
		return err
	}
	proof, err := framing.NewProofReader(newSection(f))
	if err != nil {
		return fmt.Errorf("proof of %s: %w", t.id, err)
	}
	t.aborted, t.proved = proof.Head().Aborted, true
	return nil
}

// whole says whether everything that belongs to the transfer is on the disk, or, for one that the sender gave up, its
// proof. t.mu must be held.
//
// A plan or proof that does not parse, or one that names another content length than the packets did, counts as whole
// too: it is authentic, no packet can mend it, and the checks behind the quarantine say what is wrong with it.
func (t *transfer) whole() bool {
	plan, content, proof := t.object(framing.ObjectPlan), t.object(framing.ObjectContent), t.object(framing.ObjectProof)
	if proof == nil || !proof.whole() {
		return false
	}
	if err := t.readProof(); err == nil && t.aborted {
		return true
	}
	if plan == nil || !plan.whole() {
		return false
	}
	if content != nil {
		return content.whole()
	}
	err := t.readPlan()
	return err != nil || t.content == 0
}
