package main

import (
	"fmt"
	"os"
	"path/filepath"

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

// absolute makes every path of the configuration one that is right from everywhere.
func (c *config) absolute() error {
	paths := []*string{&c.Quarantine, &c.Sender, &c.ReceiptKey, &c.People, &c.Audit.Folder, &c.Audit.Key, &c.Console.Keys, &c.Console.Certificate,
		&c.Console.CertificateKey}
	for i := range c.Console.Clients {
		paths = append(paths, &c.Console.Clients[i].Certificate)
	}
	for i := range c.Channels {
		paths = append(paths, &c.Channels[i].Policy)
		if s := c.Channels[i].S3; s != nil {
			paths = append(paths, &s.Credentials, &s.CA)
		}
	}
	for _, path := range paths {
		if *path == "" {
			continue
		}
		full, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		*path = full
	}
	return nil
}
