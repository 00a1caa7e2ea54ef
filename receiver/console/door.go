package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"pawl/framing/person"
	"pawl/hw/disk"
	"pawl/receiver/release/people"
)

// Bounds of logging in. Opening a key takes a quarter of a second and 64 MiB by intent, so few are opened side by side.
const (
	maxKeyFile  = 8 << 10 // octets
	openings    = 2       // keys opened side by side
	maxWaiting  = 16      // log-ins that wait for their turn
	freeTries   = 5       // wrong passphrases for a name before it must wait
	freeOfPlace = 20      // from an address
	longestWait = 5 * time.Minute
	forgetAfter = 15 * time.Minute
	maxTried    = 4096 // names and addresses remembered
)

var (
	// errLogin is the one answer to everything that is wrong with a log-in.
	errLogin = errors.New("name or passphrase is wrong")
	errSlow  = errors.New("too many tries: wait a few minutes")
)

// door lets people in.
type door struct {
	keys   string
	people *people.Registry
	dummy  []byte // key file of nobody: a name that is unknown takes as long as a wrong passphrase
	turns  chan struct{}
	queue  chan struct{}
	tries  tries
}

func newDoor(keys string, all *people.Registry, now func() time.Time) (*door, error) {
	nobody, err := person.Generate("nobody")
	if err != nil {
		return nil, err
	}
	text, err := nobody.Lock([]byte(rand.Text()))
	nobody.Wipe()
	if err != nil {
		return nil, err
	}
	return &door{keys: keys, people: all, dummy: []byte(text), turns: make(chan struct{}, openings), queue: make(chan struct{}, maxWaiting),
		tries: tries{now: now, all: map[string]*tried{}}}, nil
}

// open opens a person's key. Whatever is wrong, the answer is errLogin after the same work, or errSlow before any. The second error says
// for our log what it was.
func (d *door) open(ctx context.Context, name, passphrase, place string) (people.Person, *person.Key, error, error) {
	who := name
	if person.CheckName(name) != nil {
		who = "" // names that can't be share one count
	}
	byName, byPlace := "name "+who, "place "+place
	if !d.tries.begin(byName, freeTries) || !d.tries.begin(byPlace, freeOfPlace) {
		return people.Person{}, nil, errSlow, errSlow
	}
	select {
	case d.queue <- struct{}{}:
		defer func() { <-d.queue }()
	default:
		return people.Person{}, nil, errSlow, errors.New("too many log-ins at once")
	}
	select {
	case d.turns <- struct{}{}:
		defer func() { <-d.turns }()
	case <-ctx.Done():
		return people.Person{}, nil, errLogin, ctx.Err()
	}
	p, key, err := d.unlock(who, []byte(passphrase))
	if err != nil {
		d.tries.failed(byName)
		d.tries.failed(byPlace)
		return people.Person{}, nil, errLogin, err
	}
	d.tries.forget(byName)
	return p, key, nil, nil
}

// unlock does the same work for every name.
func (d *door) unlock(name string, passphrase []byte) (people.Person, *person.Key, error) {
	p, unknown := d.people.Find(name)
	file, err := d.file(name)
	if unknown != nil || err != nil {
		file, err = d.dummy, errors.Join(unknown, err)
	}
	key, wrong := person.Unlock(file, passphrase)
	clear(passphrase)
	if err != nil || wrong != nil {
		if key != nil {
			key.Wipe()
		}
		return people.Person{}, nil, errors.Join(err, wrong)
	}
	if key.Public() != p.Key {
		key.Wipe()
		return people.Person{}, nil, fmt.Errorf("%s's key file holds another key than the one that is registered", name)
	}
	return p, key, nil
}

func (d *door) file(name string) ([]byte, error) {
	if err := person.CheckName(name); err != nil {
		return nil, err
	}
	f, err := disk.OpenRegular(filepath.Join(d.keys, name+".key"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(data) > maxKeyFile {
		err = fmt.Errorf("%s.key is larger than %d octets", name, maxKeyFile)
	}
	return data, err
}

// tries counts what failed, by name and by address. Who fails too often waits, twice as long each time.
type tries struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]*tried
}

type tried struct {
	failed int
	last   time.Time
	until  time.Time
}

// begin says whether it may be tried now. free is how often it may fail before it must wait.
func (t *tries) begin(what string, free int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	one := t.all[what]
	if one == nil {
		return true
	}
	if now.Sub(one.last) >= forgetAfter {
		delete(t.all, what)
		return true
	}
	if one.failed < free {
		return true
	}
	wait := longestWait
	if n := one.failed - free; n < 8 {
		wait = min(wait, 2*time.Second<<n)
	}
	one.until = one.last.Add(wait)
	return !now.Before(one.until)
}

func (t *tries) failed(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	one := t.all[what]
	if one == nil {
		if len(t.all) >= maxTried {
			t.forgetOldest()
		}
		one = new(tried)
		t.all[what] = one
	}
	one.failed++
	one.last = now
}

// forgetOldest makes room: whoever fills this must fail so often first that each of his failures cost a key's opening.
func (t *tries) forgetOldest() {
	oldest := ""
	for what, one := range t.all {
		if oldest == "" || one.last.Before(t.all[oldest].last) {
			oldest = what
		}
	}
	delete(t.all, oldest)
}

func (t *tries) forget(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, what)
}
