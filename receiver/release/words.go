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
// A word that is there without its decision may be in the log or not. Whoever has the transfer in hand next finishes it before anything else: otherwise
// a no or a yes taken back would be in the log, and a release after it.
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

// finishWords finishes what people had said when a program died, and says whether there was anything. A rejection moves the transfer.
func (j *job) finishWords() (some bool, err error) {
	who, state := j.who, j.state
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
		if j.state != state {
			break
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
	if s, _, err := person.ParseFiled(data); err == nil && s.Person == p.Name() && !bytes.Equal(data, kept) {
		err = j.decide(s)
		if err != nil && !slices.ContainsFunc(noWord, func(no error) bool { return errors.Is(err, no) }) {
			return err
		}
	}
	return quarantine.RemoveFile(j.dir(), wordFile(p.Name()))
}
