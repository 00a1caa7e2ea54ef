package main

import (
	"cmp"
	"fmt"

	"pawl/cmd/internal/conf"
	"pawl/fec"
	"pawl/sender"
)

// socketLimit is the longest path of the socket: sun_path of Linux has 108 octets, and a socket is made as PATH.new.
const socketLimit = 103

// checkMachine refuses what the kernel would refuse only when the daemon runs.
func (c *config) checkMachine() error {
	for _, size := range []struct {
		key  string
		size conf.Size
	}{{"link.memory", c.Link.Memory}, {"link.send_buffer", c.Link.SendBuffer}, {"link.pace_burst", c.Link.PaceBurst}} {
		if err := conf.AtMost(size.key, size.size); err != nil {
			return err
		}
	}
	if len(c.Socket) > socketLimit {
		return conf.Wrong("socket", "%q is longer than the %d octets of a socket's path: name a shorter one, as in \"/run/pawl-send/socket\"", c.Socket, socketLimit)
	}
	for i, one := range c.Link.each() {
		table := "link."
		if i > 0 {
			table = fmt.Sprintf("link.more[%d].", i-1)
		}
		if err := conf.Port(table+"remote", one.Remote); err != nil {
			return err
		}
		if one.Local == "" {
			continue
		}
		if err := conf.Port(table+"local", one.Local); err != nil {
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
	if err := c.Audit.checkFolders(c.State); err != nil {
		return err
	}
	for i, ch := range c.Channels {
		if err := conf.Folder(fmt.Sprintf("channel[%d].folder", i), ch.Folder); err != nil {
			return err
		}
	}
	return nil
}

// effective is the configuration with the defaults that are meant by nothing and 0.
func (c *config) effective() *config {
	e := *c
	l := &e.Link
	if l.Memory == 0 {
		l.Memory = fec.DefaultMemory
	}
	if l.SendBuffer == 0 {
		l.SendBuffer = 1 << 20
	}
	l.PaceBurst = conf.Size(c.Link.paceBurst())
	l.More = nil
	for i, one := range c.Link.each()[1:] {
		l.More = append(l.More, moreLink{Local: c.Link.More[i].Local, Remote: one.Remote, Rate: one.Rate})
	}
	e.SFTP.defaults(c.State)
	if !c.Audit.Off {
		e.Audit.Folder, e.Audit.Key = c.Audit.folder(c.State), c.Audit.key(c.State)
	}
	e.Channels = nil
	for _, ch := range c.Channels {
		if ch.Passes == 0 {
			ch.Passes = 1
		}
		if ch.Weight == 0 {
			ch.Weight = sender.DefaultWeight
		}
		if ch.Quiet == 0 {
			ch.Quiet = conf.Duration(sender.DefaultQuiet)
		}
		if ch.Carousel != nil {
			k := *ch.Carousel
			k.Rounds, k.Gap = cmp.Or(k.Rounds, sender.DefaultRounds), cmp.Or(k.Gap, conf.Duration(sender.DefaultRoundGap))
			ch.Carousel = &k
		}
		if ch.Symlinks == "" {
			ch.Symlinks = "refuse"
		}
		ch.defaultIntake()
		e.Channels = append(e.Channels, ch)
	}
	return &e
}
