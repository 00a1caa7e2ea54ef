package release

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pawl/framing/person"
	"pawl/receiver/quarantine"
	"pawl/receiver/release/people"
)

// A person's word is kept in three steps, so that what the log tells of is what counts here, whenever the program dies:
//
//	word-NAME ─> entry in the audit log ─> decision-NAME
//
// All three are made in one turn. A word that is there without its decision may be in the log or not. Whoever takes the next turn for a word, a move or
// a release finishes it before anything else: otherwise a no or a yes taken back would be in the log, and a release after it; or a yes, after the move
// that it came before.
const wordPrefix = "word-"

func wordFile(name string) string { return wordPrefix + name }

// keep enters a decision in the audit log and puts it in the place of the person's last one.
func (j *job) keep(s person.Signed, p people.Person) error {
	data, err := person.AppendFiled(nil, s, p.Key)
	if err != nil {
		return err
	}
	if err := quarantine.WriteFile(j.dir(), wordFile(s.Person), data); err != nil {
		return err
	}
	j.step("word written")
	if err := j.enterDecision(s, p, data); err != nil {
		// It may be in the log all the same. A yes is as if it had not been said; a no, or a yes taken back, stands and is entered when the log can be
		// written.
		if s.Action == person.Approve {
			err = errors.Join(err, quarantine.RemoveFile(j.dir(), wordFile(s.Person)))
		}
		return err
	}
	if err := quarantine.WriteFile(j.dir(), decisionFile(s.Person), data); err != nil {
		return err
	}
	j.step("decision written")
	return quarantine.RemoveFile(j.dir(), wordFile(s.Person))
}

// anyWord says whether a word was not finished.
func (j *job) anyWord() bool {
	return slices.ContainsFunc(j.people.All(), func(p people.Person) bool {
		_, err := os.Lstat(filepath.Join(j.dir(), wordFile(p.Name())))
		return err == nil
	})
}

// turn takes a turn, and finishes what people had said when a program died; it says whether there was anything.
func (j *job) turn() (end func(), some bool, err error) {
	end, err = j.store.Turn()
	if err != nil {
		return nil, false, err
	}
	if some, err = j.finishWords(); err != nil {
		end()
		return nil, some, err
	}
	return end, some, nil
}

// finish is a turn for that alone.
func (j *job) finish() (some bool, err error) {
	end, some, err := j.turn()
	if err == nil {
		end()
	}
	return some, err
}

// finishWords finishes what people had said, in a turn. It moves nothing: the next look finds the decision. Outside of the states in which people decide
// there is nothing to finish.
func (j *job) finishWords() (some bool, err error) {
	if j.state != quarantine.Held && j.state != quarantine.Checking {
		return false, nil
	}
	who := j.who
	defer func() { j.who, j.finishing = who, false }()
	j.finishing = true
	for _, p := range j.people.All() {
		data, err := readFile(j.dir(), wordFile(p.Name()))
		if err == nil && data != nil {
			some, err = true, j.finishWord(p, data)
		}
		if err != nil {
			return some, fmt.Errorf("finish the word of %s: %w", p.Name(), err)
		}
	}
	return some, nil
}

// noWord are the reasons for which a word's file is none: somebody put it there, or it is finished already.
var noWord = []error{ErrStale, ErrTwice, ErrState, ErrRole, ErrShown, people.ErrUnknown, person.ErrSignature, person.ErrDecision}

func (j *job) finishWord(p people.Person, data []byte) error {
	kept, err := readFile(j.dir(), decisionFile(p.Name()))
	if err != nil {
		return err
	}
	stands := bytes.Equal(data, kept)
	if s, _, err := person.ParseFiled(data); err == nil && s.Person == p.Name() && !stands {
		err = j.decide(s)
		if err != nil && !slices.ContainsFunc(noWord, func(no error) bool { return errors.Is(err, no) }) {
			return err
		}
		stands = err == nil
	}
	if stands {
		j.finished = append(j.finished, p.Name())
	}
	return quarantine.RemoveFile(j.dir(), wordFile(p.Name()))
}
