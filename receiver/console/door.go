package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"pawl/framing/person"
	"pawl/hw/disk"
	"pawl/receiver/release/people"
)

// Bounds of logging in. Opening a key takes a quarter of a second and 64 MiB by intent, so few are opened side by side.
const (
	maxKeyFile = 8 << 10 // octets
	openings   = 2       // keys opened side by side
	maxWaiting = 16      // log-ins that wait for their turn; those of browsers that are known have places of their own:
	maxKnown   = 4
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
	known  chan struct{} // the queue of browsers that are known
	tries  tries
	slow   slow
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
		known: make(chan struct{}, maxKnown), tries: tries{now: now, all: map[string]*tried{}}, slow: slow{now: now, names: map[string]*slowed{}}}, nil
}

// caller is who tries to log in, as far as it tells callers apart.
type caller struct {
	place   string // address; "" where everybody has the same
	browser string // one that this person logged in from before; "" otherwise
}

// counts are what a try is counted under, with how often it may fail before it must wait. A browser that the person has used before has a count of its own, so
// that nobody else's tries lock it out; where all callers look the same there is none at all.
func (c caller) counts(name string) map[string]int {
	switch {
	case c.browser != "":
		return map[string]int{"browser " + c.browser + " " + name: freeTries}
	case c.place != "":
		return map[string]int{"name " + name + " from " + c.place: freeTries, "place " + c.place: freeOfPlace}
	}
	return nil
}

// open opens a person's key. Whatever is wrong, the answer is errLogin after the same work, or errSlow before any. The second error says
// for our log what it was.
func (d *door) open(ctx context.Context, name, passphrase string, from caller) (people.Person, *person.Key, error, error) {
	who := name
	if person.CheckName(name) != nil {
		who = "" // names that can't be share one count
	}
	counts := from.counts(who)
	for what, free := range counts {
		if !d.tries.begin(what, free) {
			return people.Person{}, nil, errSlow, errSlow
		}
	}
	queue := d.known
	if from.browser == "" {
		queue = d.queue
		if err := d.slow.wait(ctx, who); err != nil {
			return people.Person{}, nil, errSlow, err
		}
	}
	select {
	case queue <- struct{}{}:
		defer func() { <-queue }()
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
		for what := range counts {
			d.tries.failed(what)
		}
		if from.browser == "" {
			d.slow.failed(who)
		}
		return people.Person{}, nil, errLogin, err
	}
	for what := range counts {
		if !strings.HasPrefix(what, "place ") {
			d.tries.forget(what)
		}
	}
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
