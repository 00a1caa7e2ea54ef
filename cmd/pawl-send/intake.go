package main

import (
	"fmt"
	"io"

	"pawl/sender"
)

// signs is sender.Complete as the file has it.
type signs sender.Complete

// UnmarshalText reads names of signs with commas between.
func (s *signs) UnmarshalText(text []byte) error {
	c, err := sender.ParseComplete(string(text))
	*s = signs(c)
	return err
}

// MarshalText writes them; what was left out has the default.
func (s signs) MarshalText() ([]byte, error) {
	if s == 0 {
		s = signs(sender.DefaultComplete)
	}
	return []byte(sender.Complete(s).String()), nil
}

// grouping is sender.Group as the file has it.
type grouping sender.Group

// UnmarshalText reads the name of a way to group.
func (g *grouping) UnmarshalText(text []byte) error {
	group, err := sender.ParseGroup(string(text))
	*g = grouping(group)
	return err
}

// MarshalText writes the name.
func (g grouping) MarshalText() ([]byte, error) { return []byte(sender.Group(g).String()), nil }

// filtered says whether what the name filters don't let pass is refused.
type filtered bool

// UnmarshalText reads "leave" or "refuse".
func (f *filtered) UnmarshalText(text []byte) error {
	switch string(text) {
	case "leave":
		*f = false
	case "refuse":
		*f = true
	default:
		return fmt.Errorf(`%q is neither "leave" nor "refuse"`, text)
	}
	return nil
}

// MarshalText writes "leave" or "refuse".
func (f filtered) MarshalText() ([]byte, error) {
	if f {
		return []byte("refuse"), nil
	}
	return []byte("leave"), nil
}

// pattern is one name filter.
type pattern struct{ text string }

// UnmarshalText reads a pattern of path.Match.
func (p *pattern) UnmarshalText(text []byte) error {
	p.text = string(text)
	return sender.CheckPattern(string(text))
}

// MarshalText writes the pattern.
func (p pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// intake is what a channel takes, and when.
func (ch *channel) intake() sender.Intake {
	in := sender.Intake{
		Complete: sender.Complete(ch.Complete), Group: sender.Group(ch.Group), RefuseFiltered: bool(ch.OnFiltered), FoldCase: ch.FoldCase,
		MaxFile: uint64(ch.MaxFile), MaxTransfer: uint64(ch.MaxSize), MaxEntries: ch.MaxEntries,
	}
	for _, p := range ch.Include {
		in.Include = append(in.Include, p.text)
	}
	for _, p := range ch.Exclude {
		in.Exclude = append(in.Exclude, p.text)
	}
	return in
}

// defaultIntake puts the defaults where the file left something out.
func (ch *channel) defaultIntake() {
	if ch.Complete == 0 {
		ch.Complete = signs(sender.DefaultComplete)
	}
	if len(ch.Include) == 0 {
		ch.Include = nil
	}
	if len(ch.Exclude) == 0 {
		ch.Exclude = nil
	}
}

// showIntake prints what an outbox says of itself, if it is more than that all is well.
func showIntake(w io.Writer, s *sender.IntakeStatus) {
	if s.Looking {
		fmt.Fprintf(w, "outbox\t%q is only looked at: %s\n", s.Channel, s.Why)
	}
	if s.Blind {
		fmt.Fprintf(w, "outbox\t%q: the file system does not tell who has files open for writing\n", s.Channel)
	}
	if s.Fault != "" {
		fmt.Fprintf(w, "outbox\t%q: %s\n", s.Channel, s.Fault)
	}
	if s.Waiting == 0 {
		return
	}
	fmt.Fprintf(w, "outbox\t%q: %d entries wait\n", s.Channel, s.Waiting)
	for _, h := range s.Held {
		fmt.Fprintf(w, "  %q\t%s\n", h.Name, h.Why)
	}
}
