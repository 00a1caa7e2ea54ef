package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

var (
	// ErrRole is wrapped when a person may not decide about a channel.
	ErrRole = errors.New("has not the role for it")
	// ErrStale is wrapped when a decision is about something else than what is there now: another proof, other verdicts, another time.
	ErrStale = errors.New("decides about something else than what is there now")
	// ErrTwice is wrapped when a person has decided the same already.
	ErrTwice = errors.New("has done so already")
	// ErrShown is wrapped when a person approved without having been shown what the channel demands.
	ErrShown = errors.New("was not shown what an approver must see")
)

// A person's last decision about a transfer lies in its folder, signed, in a file with the person's name (person.AppendFiled). It counts only while the
// signature, the role, the proof and the verdicts are right; whoever writes another file there has written nothing.
const decisionPrefix = "decision-"

func decisionFile(name string) string { return decisionPrefix + name }

// Given is a person's last decision about a transfer.
type Given struct {
	person.Signed
	Against error // why it does not count; nil when it does
}

// decisions reads the last decision of each of the people, in the order of their names.
func (j *job) decisions() ([]Given, error) {
	var all []Given
	for _, p := range j.people.All() {
		data, err := readFile(j.dir(), decisionFile(p.Name()))
		if err != nil {
			return nil, err
		}
		if data == nil {
			continue
		}
		s, _, err := person.ParseFiled(data)
		if err == nil && s.Person != p.Name() {
			err = fmt.Errorf("%w: it is %s's", person.ErrDecision, s.Person)
		}
		if err != nil {
			// Not ours, or damaged: nobody's word, and no reason to stop.
			all = append(all, Given{person.Signed{Person: p.Name()}, err})
			continue
		}
		if _, err = j.judge(s); s.Action == person.Reject && errors.Is(err, ErrStale) && s.Transfer == j.id.String() {
			err = nil // it may have been said while the checks were at it: a no stands whatever they found
		}
		all = append(all, Given{s, err})
	}
	return all, nil
}

// judge asks whether a decision is by one of the people who may decide so, and about the transfer as it is now.
func (j *job) judge(s person.Signed) (people.Person, error) {
	p, err := j.people.Verify(s)
	if err != nil {
		return p, err
	}
	if !p.May(people.Approver, j.channel.Name) {
		return p, fmt.Errorf("%s, channel %q: %w", p.Name(), j.channel.Name, ErrRole)
	}
	body, verdicts, answer, err := seen(j.dir())
	switch {
	case err != nil:
		return p, err
	case s.Transfer != j.id.String():
		return p, fmt.Errorf("%w: it is of transfer %s", ErrStale, s.Transfer)
	case s.Body != body:
		return p, fmt.Errorf("%w: the proof is another one", ErrStale)
	case s.Verdicts != verdicts:
		return p, fmt.Errorf("%w: the verdicts are others", ErrStale)
	case s.Action == person.Approve && (answer == nil || !answer.Pass):
		return p, fmt.Errorf("%w: it did not pass its checks: there is nothing to approve", ErrState)
	}
	for _, what := range j.channel.Show {
		if s.Action == person.Approve && !slices.Contains(s.Shown, what) {
			return p, fmt.Errorf("%s: %w: %s", p.Name(), ErrShown, what)
		}
	}
	return p, nil
}

// DecisionFiles gives the files of all decisions in a transfer's folder (person.ParseFiled), in the order of their names: what its evidence
// holds.
func DecisionFiles(dir string) ([][]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), decisionPrefix) {
			continue
		}
		data, err := readFile(dir, e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// dropDecisions removes everything that bears the name of a decision's or a word's file.
func dropDecisions(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), decisionPrefix) || strings.HasPrefix(e.Name(), wordPrefix) {
			if err := quarantine.RemoveFile(dir, e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}
