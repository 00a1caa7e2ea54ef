package main

import (
	"errors"
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
		return conf.Wrong("link.survive_links", "%d of %d links can't be lost: at least one must stay, write the others as [[link.more]]", l.Survive, 1+len(l.More))
	}
	if len(l.More) >= fec.MaxLinks {
		return conf.Wrong("link.more", "%d links are more than the %d that a receiver keeps apart", 1+len(l.More), fec.MaxLinks)
	}
	seen := map[string]bool{l.Remote: true}
	for i, one := range l.each()[1:] {
		key := fmt.Sprintf("link.more[%d].remote", i)
		switch other, err := one.ipv6(); {
		case one.Remote == "":
			return conf.Wrong(key, "is missing: write address:port, as in \"10.9.1.2:4600\"")
		case err != nil:
			return conf.Wrong(key, "%w", errors.Unwrap(err))
		case other != ipv6:
			return conf.Wrong(key, "%s is of another IP version than %s: datagrams would differ in size", one.Remote, l.Remote)
		case seen[one.Remote]:
			return conf.Wrong(key, "%s is used twice", one.Remote)
		}
		seen[one.Remote] = true
	}
	return nil
}
