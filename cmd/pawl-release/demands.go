package main

import (
	"fmt"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/receiver/release"
)

// defaultAfter is how long a command after a release may take.
const defaultAfter = conf.Duration(time.Minute)

// fill puts the defaults in the place of what is left out.
func (ch *channel) fill() {
	if len(ch.After) == 0 {
		ch.After = nil
	} else if ch.AfterTime == 0 {
		ch.AfterTime = defaultAfter
	}
	if len(ch.Windows) == 0 {
		ch.Windows = nil
	}
	if ch.S3 != nil {
		return // the rest is for an inbox
	}
	if ch.Collision == "" {
		ch.Collision = collision(release.Refuse)
	}
	if ch.Immutable == "" {
		ch.Immutable = immutable(release.Mutable)
	}
}

func (ch *channel) windows() []release.Window {
	var all []release.Window
	for _, w := range ch.Windows {
		all = append(all, w.Window)
	}
	return all
}

func (ch *channel) after() *release.Command {
	if len(ch.After) == 0 {
		return nil
	}
	return &release.Command{Args: ch.After, Timeout: time.Duration(ch.AfterTime)}
}

// window is a time of the week.
type window struct{ release.Window }

// UnmarshalText reads what [release.ParseWindow] reads.
func (w *window) UnmarshalText(text []byte) (err error) {
	w.Window, err = release.ParseWindow(string(text))
	return err
}

// MarshalText writes what was read.
func (w window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// collision is what becomes of a name that is taken.
type collision release.Collision

// UnmarshalText refuses what is no way.
func (c *collision) UnmarshalText(text []byte) error {
	*c = collision(text)
	switch release.Collision(*c) {
	case release.Refuse, release.Version, release.Same:
		return nil
	}
	return fmt.Errorf("%.40q is neither \"refuse\" nor \"version\" nor \"same\"", text)
}

// immutable is whether what is released is protected.
type immutable release.Immutable

// UnmarshalText refuses what is no way.
func (i *immutable) UnmarshalText(text []byte) error {
	*i = immutable(text)
	switch release.Immutable(*i) {
	case release.Mutable, release.Best, release.Required:
		return nil
	}
	return fmt.Errorf("%.40q is neither \"no\" nor \"best\" nor \"required\"", text)
}
