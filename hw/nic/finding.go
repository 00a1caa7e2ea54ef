package nic

import (
	"fmt"
	"slices"
	"strings"
)

// Severity orders findings; a larger one is worse.
type Severity uint8

// The severities. A signal from high to low is worse than a loss: code mends losses.
const (
	OK           Severity = iota
	Note                  // worth knowing, or not readable; loses nothing by itself
	LosesPackets          // packets are lost, or will be under load
	TalksBack             // something goes, or tries to go, from high to low
)

var severityWords = [...]string{"ok", "note", "loses packets", "talks back"}

// String gives the severity in words.
func (s Severity) String() string {
	if int(s) >= len(severityWords) {
		return "unknown"
	}
	return severityWords[s]
}

// MarshalText gives the word for programs: "ok", "note", "loses_packets" or "talks_back".
func (s Severity) MarshalText() ([]byte, error) {
	return []byte(strings.ReplaceAll(s.String(), " ", "_")), nil
}

// UnmarshalText is the reverse of [Severity.MarshalText].
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severityWords[:], strings.ReplaceAll(string(text), "_", " "))
	if i < 0 {
		return fmt.Errorf("severity %q is none of %q", text, severityWords)
	}
	*s = Severity(i)
	return nil
}

// Finding is one rule's judgement.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Read     string   `json:"read"`           // what was found
	Want     string   `json:"want,omitempty"` // what it should be; empty when it is
	Why      string   `json:"why,omitempty"`  // what it does to a one-way link; empty when ok
	Mend     []Step   `json:"mend,omitempty"` // commands, in order
	Safe     bool     `json:"safe"`           // [Mend] may run them unasked
}

// Step is one command of a mend: a setting of the kernel or a program with its arguments.
type Step struct {
	Key   string // below /proc/sys, with slashes
	Value string
	Args  []string // used if Key is empty
}

// String is the step as a person types it.
func (s Step) String() string {
	if s.Key != "" {
		return fmt.Sprintf("sysctl -w %s='%s'", s.Key, s.Value)
	}
	words := slices.Clone(s.Args)
	for i, w := range words {
		if strings.ContainsAny(w, " ;{}*") {
			words[i] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}

// MarshalText makes a step a string in JSON.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a step back as words; it is for showing, not for running.
func (s *Step) UnmarshalText(text []byte) error {
	*s = Step{Args: []string{string(text)}}
	return nil
}

func sysctl(key, value string) Step { return Step{Key: key, Value: value} }

func command(args ...string) Step { return Step{Args: args} }

// Worst is the worst severity among findings, OK if there are none.
func Worst(findings []Finding) Severity {
	worst := OK
	for i := range findings {
		worst = max(worst, findings[i].Severity)
	}
	return worst
}
