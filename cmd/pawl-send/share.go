package main

import (
	"fmt"
	"strconv"
	"time"

	"pawl/sender"
)

// The types of what says which part of the link a channel has: each refuses what can't be meant, so that the error has
// the line.
type (
	weight int
	window string
	files  uint64
	zone   string
)

// maxWeight is the sender's bound.
const maxWeight = 1_000_000

// UnmarshalText reads a whole number above 0.
func (w *weight) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxWeight {
		return fmt.Errorf("%q is no weight: write 1 for an equal share, 2 for twice as much, up to %d; pawl-send hold stops a channel", text, maxWeight)
	}
	*w = weight(n)
	return nil
}

// UnmarshalText reads what sender.ParseWindow does.
func (w *window) UnmarshalText(text []byte) error {
	*w = window(text)
	_, err := sender.ParseWindow(string(text))
	return err
}

// UnmarshalText reads a whole number above 0.
func (f *files) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 63)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is no number of files: write 1 or more, or leave it out for no bound", text)
	}
	*f = files(n)
	return nil
}

// UnmarshalText reads the name of a time zone.
func (z *zone) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return fmt.Errorf("an empty name is no time zone: leave it out for UTC")
	}
	*z = zone(text)
	_, err := sender.ParseZone(string(text))
	return err
}

// share fills in what part of the link a channel has, when, how much of it, and what is kept.
func (ch *channel) share(out *sender.Channel) error {
	out.Class, out.Weight = ch.Priority, int(ch.Weight)
	for _, text := range ch.Windows {
		w, err := sender.ParseWindow(string(text))
		if err != nil {
			return err
		}
		out.Windows = append(out.Windows, w)
	}
	if k := ch.Carousel; k != nil {
		out.Carousel = k.sender()
	}
	out.Keep = sender.Keep{Age: time.Duration(ch.KeepSent), Bytes: uint64(ch.KeepBytes)}
	if ch.Quota == nil {
		return nil
	}
	at, err := sender.ParseZone(string(ch.Quota.Zone))
	out.Quota = sender.Quota{Bytes: uint64(ch.Quota.Bytes), Files: uint64(ch.Quota.Files), Zone: at}
	return err
}
