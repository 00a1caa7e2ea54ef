package main

import (
	"errors"
	"fmt"
	"reflect"
)

// errChanged says that a file that decides about releases is not the one that was read.
var errChanged = errors.New("is not what this program goes by any more: have it read again (systemctl reload pawl-release, or SIGHUP)")

// inForce asks whether the people and the policies are still those in their files, so that who was taken out of people.toml counts no longer from that
// moment on, and not from the next SIGHUP. It looks at what they say: a comment changes nothing.
func (c *config) inForce() error {
	if c.People != "" {
		now, _, err := c.loadPeople(c.People)
		if err != nil {
			return fmt.Errorf("%s %w; and it can't be read: %w", c.People, errChanged, err)
		}
		if !reflect.DeepEqual(now, c.people) {
			return fmt.Errorf("%s %w", c.People, errChanged)
		}
	}
	for _, ch := range c.Channels {
		if ch.policy == nil {
			continue
		}
		now, err := loadPolicy(ch.Policy)
		if err != nil {
			return fmt.Errorf("%s %w; and it can't be read: %w", ch.Policy, errChanged, err)
		}
		if now.Digest() != ch.policy.Digest() {
			return fmt.Errorf("%s %w", ch.Policy, errChanged)
		}
	}
	return nil
}
