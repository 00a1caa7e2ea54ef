package main

import (
	"fmt"

	"pawl/cmd/internal/conf"
	"pawl/receiver"
)

// minMemory is the least that the receiver takes for block buffers, octets.
const minMemory = 16 << 20

// checkMachine refuses what the receiver or the kernel would refuse only when the daemon runs.
func (c *config) checkMachine() error {
	if c.Memory < minMemory {
		return conf.Wrong("memory", "%v is too little: give it at least %v", c.Memory, conf.Size(minMemory))
	}
	if err := conf.AtMost("memory", c.Memory); err != nil {
		return err
	}
	if err := conf.AtMost("link.receive_buffer", c.Link.ReceiveBuffer); err != nil {
		return err
	}
	for i, listen := range c.Link.listens() {
		key := "link.listen"
		if i > 0 {
			key = fmt.Sprintf("link.more[%d].listen", i-1)
		}
		if err := conf.Port(key, listen); err != nil {
			return err
		}
	}
	return nil
}

// checkFolders refuses folders that can't be had.
func (c *config) checkFolders() error {
	if err := conf.Folder("state", c.State); err != nil {
		return err
	}
	return conf.Folder("quarantine", c.Quarantine)
}

// effective is the configuration with the defaults that are meant by nothing and 0.
func (c *config) effective() *config {
	e := *c
	e.Channels = nil
	for _, ch := range c.Channels {
		if ch.Quota == 0 {
			ch.Quota = 1 << 40
		}
		if ch.MaxTransfer == 0 {
			ch.MaxTransfer = ch.Quota
		}
		if ch.MaxTransfers == 0 {
			ch.MaxTransfers = 256
		}
		if ch.Grace == 0 {
			ch.Grace = conf.Duration(receiver.DefaultGrace)
		}
		e.Channels = append(e.Channels, ch)
	}
	return &e
}
