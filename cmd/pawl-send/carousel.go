package main

import (
	"fmt"
	"strconv"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/sender"
)

// carouselConfig bounds what is sent again while the link is idle, out of sent/, the newest first.
type carouselConfig struct {
	Age    conf.Duration `toml:"age"`             // how long after its last pass a transfer is sent again; needed
	Bytes  conf.Size     `toml:"bytes,omitempty"` // of content, what the newest come to together; default without bound
	Rounds rounds        `toml:"rounds"`          // how often each is sent again; default 3
	Gap    conf.Duration `toml:"gap"`             // before the first of them, twice as long before each further one; default 10 min
}

// rounds is how often something is sent again.
type rounds int

// UnmarshalText reads how often something is sent again.
func (r *rounds) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > sender.MaxRounds {
		return fmt.Errorf("%q is no number of rounds: write 1 to %d, or leave it out for %d; without the table there is no carousel", text, sender.MaxRounds, sender.DefaultRounds)
	}
	*r = rounds(n)
	return nil
}

// sender turns the table into what the sender takes.
func (k *carouselConfig) sender() sender.Carousel {
	return sender.Carousel{Age: time.Duration(k.Age), Bytes: uint64(k.Bytes), Rounds: int(k.Rounds), Gap: time.Duration(k.Gap)}
}
