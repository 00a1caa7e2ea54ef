package console

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"pawl/hw/web"
	"pawl/receiver/audit"
	"pawl/receiver/release/people"
)

// Bounds of what is entered of who comes and goes: nobody fills the audit log by trying, and nobody who may come in by coming in.
const (
	refusedEach = time.Hour // between two entries of refused log-ins with one name
	maxRefused  = 200       // such entries in a day, for all names, beside those before a log-in; the sums wait for the next day then
	maxLogins   = 1000      // log-ins of a person in a day
	maxLooks    = 64        // addresses in a day from which a person's certificate looks, one by one
	maxUnsaid   = 1024      // entries that wait for the log to be written again
	lateAfter   = 10 * time.Second
	elsewhere   = "other addresses"
)

// Why sessions end.
const (
	endOut      = "logged out"
	endIdle     = "idle"
	endLimit    = "as old as a session gets"
	endReplaced = "logged in anew"
	endOldest   = "too many sessions of this person"
	endStopped  = "the console stopped"
	endNoRoom   = "there was no room for it"
)

var errOften = errors.New("too many log-ins with this name today: the next is possible after midnight UTC")

// visits enters in the audit log who came, went, looked, and was refused. A log-in is entered before its session begins; everything else soon
// after it happened, and never by who tries to log in, whose answer must take as long for every name.
type visits struct {
	enter  func(who string, body audit.Body) error // nil: nothing is entered
	people *people.Registry
	now    func() time.Time
	log    *zap.Logger
	nudge  chan struct{} // capacity 1: there is something to enter

	writing sync.Mutex // entries are made one by one, in the order of what happened

	mu      sync.Mutex // of what follows
	unsaid  []visit    // oldest first
	lost    int        // that found no room there
	refused map[string]*refusals
	today   today
	fault   error // why the last entry could not be made
}

// visit is something to be entered.
type visit struct {
	who  string // "": the program
	at   time.Time
	body audit.Body
}

// today is what is counted by the day (UTC).
type today struct {
	day     string
	refused int
	logins  map[string]int
	looks   map[string]map[string]bool // person, address
}

func newVisits(c *Config) *visits {
	return &visits{enter: c.Enter, people: c.People, now: c.Now, log: c.Log, nudge: make(chan struct{}, 1), refused: map[string]*refusals{}}
}

// stamp is the time as entries have it.
func (v *visits) stamp() time.Time { return v.now().UTC().Truncate(time.Millisecond) }

// count gives today's counts. mu is held.
func (v *visits) count() *today {
	if day := v.now().UTC().Format(time.DateOnly); v.today.day != day {
		v.today = today{day: day, logins: map[string]int{}, looks: map[string]map[string]bool{}}
	}
	return &v.today
}

// wake has it entered at once, unless the log could not be written a moment ago: then it is tried again in time. mu is held.
func (v *visits) wake() {
	if v.fault != nil {
		return
	}
	select {
	case v.nudge <- struct{}{}:
	default:
	}
}

// queue keeps something to be entered.
func (v *visits) queue(one visit) {
	if v.enter == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.unsaid) >= maxUnsaid {
		v.unsaid = v.unsaid[1:]
		v.lost++
	}
	v.unsaid = append(v.unsaid, one)
	v.wake()
}

// left notes the end of a session.
func (v *visits) left(s *session, reason string) {
	who := ""
	if reason == endOut || reason == endReplaced {
		who = s.person.Name()
	}
	v.queue(visit{who, v.stamp(), &audit.Logout{Who: s.person.Name(), Session: s.name, Reason: reason}})
}

// looked notes a look by certificate; the first of a day from an address is entered.
func (v *visits) looked(who, place string) {
	if !v.firstLook(who, &place) {
		return
	}
	v.log.Info("looks by certificate", zap.String("name", who), zap.String("from", place))
	v.queue(visit{who, v.stamp(), &audit.Login{Who: who, From: place, How: audit.ByCertificate}})
}

func (v *visits) firstLook(who string, place *string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen := v.count().looks[who]
	if seen == nil {
		seen = map[string]bool{}
		v.today.looks[who] = seen
	}
	if !seen[*place] && len(seen) >= maxLooks {
		*place = elsewhere
	}
	first := !seen[*place]
	seen[*place] = true
	return first
}

// mayCome says whether a person has log-ins left today.
func (v *visits) mayCome(who string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.count().logins[who] < maxLogins
}

// came enters a log-in, and before it what happened before and the refused ones with the name. With an error the session must decide nothing; it
// is entered as such when the log can be written again.
func (v *visits) came(s *session, place string) error {
	who := s.person.Name()
	v.mu.Lock()
	v.count().logins[who]++
	v.mu.Unlock()
	if v.enter == nil {
		return nil
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	body := audit.Login{Who: who, From: place, How: audit.ByPassphrase, Session: s.name}
	err := v.sayUnsaid()
	if err == nil {
		err = v.sayRefused(who, true)
	}
	if err == nil {
		err = v.say(who, &body)
	}
	if err != nil {
		late := body
		late.Looks = true
		v.queue(visit{who, v.stamp(), &late})
	}
	return err
}

// say makes one entry.
func (v *visits) say(who string, body audit.Body) error {
	err := v.enter(who, body)
	v.mu.Lock()
	defer v.mu.Unlock()
	if errors.Is(err, audit.ErrEntry) {
		v.log.Error("this is no entry for the audit log", zap.String("kind", body.Kind()), zap.String("err", web.Say(err.Error(), shownText).Text()))
		return err
	}
	if err != nil && v.fault == nil {
		v.log.Error("who comes and goes can't be entered in the audit log: trying again", zap.String("err", web.Say(err.Error(), shownText).Text()))
	}
	if err == nil && v.lost > 0 {
		v.log.Error("entries about who came and went found no room while the audit log could not be written", zap.Int("lost", v.lost))
		v.lost = 0
	}
	v.fault = err
	return err
}

// sayUnsaid enters what waits. One that the log will never take is passed over. writing is held.
func (v *visits) sayUnsaid() error {
	for {
		v.mu.Lock()
		if len(v.unsaid) == 0 {
			v.mu.Unlock()
			return nil
		}
		one := v.unsaid[0]
		v.unsaid = v.unsaid[1:]
		v.mu.Unlock()
		if v.now().Sub(one.at) >= lateAfter {
			switch b := one.body.(type) {
			case *audit.Login:
				b.At = one.at
			case *audit.Logout:
				b.At = one.at
			}
		}
		if err := v.say(one.who, one.body); err != nil && !errors.Is(err, audit.ErrEntry) {
			v.mu.Lock()
			v.unsaid = slices.Insert(v.unsaid, 0, one)
			v.mu.Unlock()
			return err
		}
	}
}

// flush enters what waits, and the sums of refused log-ins that are due; all of them where nothing comes after.
func (v *visits) flush(last bool) {
	if v.enter == nil {
		return
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	if v.sayUnsaid() != nil {
		return
	}
	v.mu.Lock()
	names := slices.Sorted(maps.Keys(v.refused))
	v.mu.Unlock()
	for _, name := range names {
		if v.sayRefused(name, last) != nil {
			return
		}
	}
}

// trouble is why the log can't be written; nil when it could the last time.
func (v *visits) trouble() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.fault
}

func (v *visits) run(ctx context.Context) error {
	tick := time.NewTicker(sweepEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.nudge:
		case <-tick.C:
		}
		v.flush(false)
	}
}
