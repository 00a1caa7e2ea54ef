package main

import (
	"fmt"
	"os"

	"pawl/cmd/internal/conf"
)

// checkFolders refuses folders that can't be had. An inbox must be there: it may be a mount, and a folder in its place would be filled.
func (c *config) checkFolders() error {
	if err := conf.Folder("quarantine", c.Quarantine); err != nil {
		return err
	}
	if !c.Audit.Off {
		if err := conf.Folder("audit.folder", c.Audit.Folder); err != nil {
			return err
		}
	}
	if c.Console.Keys != "" {
		if err := conf.Folder("console.keys", c.Console.Keys); err != nil {
			return err
		}
	}
	for i, ch := range c.Channels {
		if ch.S3 != nil {
			if _, err := ch.S3.open(fmt.Sprintf("channel[%d].s3", i)); err != nil {
				return err
			}
			continue
		}
		key := fmt.Sprintf("channel[%d].inbox", i)
		switch info, err := os.Stat(ch.Inbox); {
		case err != nil:
			return conf.Wrong(key, "%w: make it, or mount it", err)
		case !info.IsDir():
			return conf.Wrong(key, "%s is not a folder", ch.Inbox)
		}
	}
	return nil
}
