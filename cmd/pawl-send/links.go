package main

import (
	"fmt"

	"pawl/cmd/internal/conf"
	"pawl/fec"
)

// moreLink is one more link to the same receiver.
type moreLink struct {
	Local  string    `toml:"local"`
	Remote string    `toml:"remote"`
	Rate   conf.Rate `toml:"rate"` // default that of the first link
}

// each are the links one by one, each as if it were the only one.
func (l linkConfig) each() []linkConfig {
	one := l
	one.More, one.Survive = nil, 0
	all := []linkConfig{one}
	for _, more := range l.More {
		one.Local, one.Remote = more.Local, more.Remote
		if one.Rate = more.Rate; more.Rate == 0 {
			one.Rate = l.Rate
		}
		all = append(all, one)
	}
	return all
}

// checkMore refuses links that can't be one path: the symbols of a block go by all of them.
func (l linkConfig) checkMore() error {
	ipv6, err := l.ipv6()
	if err != nil {
		return err
	}
	if l.Survive < 0 || l.Survive > len(l.More) {
		return fmt.Errorf("link.survive_links: %d of %d links can't be lost: at least one must stay, write the others as [[link.more]]", l.Survive, 1+len(l.More))
	}
	if len(l.More) >= fec.MaxLinks {
		return fmt.Errorf("link.more: %d links are more than the %d that a receiver keeps apart", 1+len(l.More), fec.MaxLinks)
	}
	seen := map[string]bool{l.Remote: true}
	for i, one := range l.each()[1:] {
		switch other, err := one.ipv6(); {
		case one.Remote == "":
			return fmt.Errorf("link.more %d: remote is missing", i+1)
		case err != nil:
			return fmt.Errorf("link.more %d: %w", i+1, err)
		case other != ipv6:
			return fmt.Errorf("link.more %d: %s is of another IP version than %s: datagrams would differ in size", i+1, one.Remote, l.Remote)
		case seen[one.Remote]:
			return fmt.Errorf("link.more %d: %s is used twice", i+1, one.Remote)
		}
		seen[one.Remote] = true
	}
	return nil
}
