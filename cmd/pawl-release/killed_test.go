package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pawl/framing/person"
	"pawl/hw/confine/killtest"
	"pawl/receiver/quarantine"
)

// everyCall has TestKilledAtASystemCall kill at each call, not at some; make soak asks for it.
var everyCall = flag.Bool("every-call", false, "kill before every system call that changes something")

// act is one run of the program in the life of a transfer.
type act struct {
	words  []string         // of the command line; none: the daemon
	who    string           // whose key it takes; "": nobody's
	config string           // its configuration, where that is another; "": the scene's
	want   quarantine.State // of the transfer at its end

	mend   func(dir string) error // what people do in the transfer's folder before it; nil: nothing
	done   func(dir string) bool  // what the folder must show beside the state; nil: nothing
	goesOn func(dir string) bool  // whether the daemon alone takes it on when it is held; nil: it doesn't
}

// scene is a way that a transfer goes through the program.
type scene struct {
	channel string // of the configuration, beside id, name and inbox
	policy  string
	entries int // that the log has before; 0: a new one begins
	damaged bool
	acts    []act
}

// runs is the daemon until a transfer is in a state.
func runs(want quarantine.State) act { return act{want: want} }

// decides is a person who decides.
func decides(who string, action person.Action, want quarantine.State) act {
	said := func(dir string) bool {
		data, err := os.ReadFile(filepath.Join(dir, "decision-"+who))
		if err != nil {
			return false
		}
		s, _, err := person.ParseFiled(data)
		return err == nil && s.Action == action
	}
	// A word that lies there was said, whatever it came to: the daemon finishes it.
	begun := func(dir string) bool {
		_, err := os.Lstat(filepath.Join(dir, "word-"+who))
		return err == nil
	}
	return act{words: []string{string(action), "--reason", "so it is"}, who: who, want: want, done: said,
		goesOn: func(dir string) bool { return want != quarantine.Held && (said(dir) || begun(dir)) }}
}

// mended is the disk that gives the bytes as they were, and a person who has them checked again.
func mended() act {
	return act{words: []string{"recheck"}, want: quarantine.Released, mend: damage, goesOn: func(dir string) bool {
		var held struct{ Stuck string }
		data, err := os.ReadFile(filepath.Join(dir, "held.json"))
		return err == nil && json.Unmarshal(data, &held) == nil && held.Stuck == ""
	}}
}

// damage changes an octet of the content, or changes it back.
func damage(dir string) error {
	path := filepath.Join(dir, quarantine.ContentFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[100] ^= 1
	return os.WriteFile(path, data, 0o600)
}

// children has one check of our own and one outside program in confined children.
const children = "[archive]\n[[command]]\nname = \"reads\"\ncommand = [\"/bin/cat\"]\nfiles = [\"deep.txt\"]\n"

var scenes = map[string]scene{
	// The log's tiles are of 256 entries: one is filled on the way.
	"auto":    {channel: `release = "auto"`, policy: children, entries: 252, acts: []act{runs(quarantine.Released)}},
	"refused": {channel: `release = "auto"`, policy: "[json]\nfiles = [\"run.sh\"]\n", acts: []act{runs(quarantine.Rejected)}},
	"two": {channel: `release = "two"`, acts: []act{runs(quarantine.Held), decides("alice", person.Approve, quarantine.Held),
		decides("alice", person.Revoke, quarantine.Held), decides("alice", person.Approve, quarantine.Held), decides("bob", person.Approve, quarantine.Released)}},
	"reject":  {channel: `release = "one"`, acts: []act{runs(quarantine.Held), decides("bob", person.Reject, quarantine.Rejected)}},
	"recheck": {channel: `release = "auto"`, policy: children, damaged: true, acts: []act{runs(quarantine.Held), mended()}},
	"hold time": {channel: "release = \"auto\"\nhold_for = \"1h\"", policy: children, acts: []act{runs(quarantine.Held),
		{config: "release = \"auto\"\nhold_for = \"1ns\"", want: quarantine.Released, goesOn: func(string) bool { return true }}}},
}

// TestKilledAtASystemCall: the real program is killed before a system call that can change something in quarantine, inbox or audit
// log; with -every-call before each there is. Whatever call it was: the transfer is in exactly one state, the inbox has all of it or nothing, the log
// verifies, is the one that anybody saw before, and tells of everything that is there. What runs next ends where the killed program would have.
func TestKilledAtASystemCall(t *testing.T) {
	persons, err := makePeople("alice", "bob")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newKilled(t, s, persons)
			for k := range s.acts {
				h.act(k)
			}
		})
	}
}

// some is how many calls of each act are picked without -every-call, evenly over all of them, beside those after a rename.
const some = 2

// picks are the calls that an act is killed at. Without -every-call those are, beside some, the calls after each rename that a reader of quarantine or
// inbox sees: whatever was to follow it did not.
func picks(calls []killtest.Call) (all []int) {
	if *everyCall {
		for i := range calls {
			all = append(all, i+1)
		}
		return all
	}
	for i, c := range calls {
		top, name, _ := strings.Cut(c.To, "/")
		if i+1 < len(calls) && (top == "inbox" || top == "quarantine" && !strings.Contains(name, "-probe-")) {
			all = append(all, i+2)
		}
	}
	for i := range some {
		all = append(all, 1+(2*i+1)*len(calls)/(2*some))
	}
	return all
}

// act lets one act run undisturbed, and then kills it at the calls that it made.
func (h *killed) act(k int) {
	a := h.acts[k]
	h.begin(a)
	calls := h.run(a, "", 0)
	h.judge()
	h.ends(a)
	h.keep()
	if faults, looked := synced(calls); len(faults) > 0 || looked == 0 {
		h.t.Errorf("%d looks at what was synced: %q", looked, faults)
	}
	all := map[string]bool{}
	for _, c := range calls {
		all[stable(c.String())] = true
	}
	points, through, tries := picks(calls), 0, 0
	for i := 0; i < len(points); i++ {
		n := points[i]
		h.begin(a)
		if calls := h.run(a, "", n); h.dead {
			delete(all, stable(calls[n-1].String()))
			h.at = fmt.Sprintf("%d %v", n, calls[n-1])
		} else {
			through++
		}
		h.judge()
		h.recover(a, n)
		if rest := h.acts[k+1:]; *everyCall && n%7 == 0 || k+i == 0 {
			for _, a := range rest {
				h.prepare(a)
				h.run(a, "", 0)
				h.judge()
				h.ends(a)
			}
		}
		if !*everyCall || i < len(points)-1 {
			continue
		}
		// Which thread comes first may make a run longer than the first was, and change places: a call that was missed is tried again.
		if through == 0 {
			points = append(points, n+1)
		} else if tries++; tries <= 10 {
			for at, c := range calls {
				if all[stable(c.String())] {
					points = append(points, max(at, 1), at+1, at+2)
				}
			}
		}
	}
	h.t.Logf("%d %v: %d calls, killed at %d", k+1, append([]string{h.acts[k].who}, a.words...), len(calls), len(points)-through)
	if through == len(points) || *everyCall && len(all) > 0 {
		h.t.Errorf("never killed at %v", all)
	}
	h.next()
}

// random are the parts of names that are made anew each time.
var random = regexp.MustCompile(`(new-|probe-)[0-9A-Z]+`)

func stable(call string) string { return random.ReplaceAllString(call, "$1") }

// recover is what happens after a kill: the daemon starts again, or is killed once more first, and people say again what has not become true.
func (h *killed) recover(a act, n int) {
	if n%2 == 1 {
		h.run(act{config: a.config, want: h.expects(a)}, h.send(), 1+n*17%150)
		h.judge()
	}
	h.run(act{config: a.config, want: h.expects(a)}, h.send(), 0)
	h.judge()
	if !h.is(a) {
		if a.words == nil {
			h.t.Fatalf("%s: the daemon does not come to %s", h.at, a.want)
		}
		h.run(a, "", 0)
		h.judge()
	}
	h.ends(a)
}

// expects is the state that the daemon alone takes the transfer to.
func (h *killed) expects(a act) quarantine.State {
	st, dir := h.state()
	if st == quarantine.Held && a.want != st && (a.goesOn == nil || !a.goesOn(dir)) {
		return st
	}
	if slices.Contains([]quarantine.State{quarantine.Released, quarantine.Rejected}, st) {
		return st
	}
	return a.want
}
