package main

import (
	"fmt"
	"path/filepath"

	"pawl/cmd/internal/conf"
)

// maxPasses is what a beat can say.
const maxPasses = 255

// unlike refuses channel i if it takes what is another one's before it.
func (c *config) unlike(i int) error {
	ch := c.Channels[i]
	for _, other := range c.Channels[:i] {
		key, value := "", any(nil)
		switch {
		case ch.ID == other.ID:
			key, value = "id", ch.ID
		case ch.Name == other.Name:
			key, value = "name", ch.Name
		case filepath.Clean(ch.Folder) == filepath.Clean(other.Folder):
			key, value = "folder", ch.Folder
		default:
			continue
		}
		return conf.Wrong(fmt.Sprintf("channel[%d].%s", i, key), "%v is that of channel %q too: each has its own", value, other.Name)
	}
	return nil
}
