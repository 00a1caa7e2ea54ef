package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
	"pawl/receiver"
	"pawl/receiver/quarantine"
)

// config is pawl-receive.toml. What is left out has the default named here.
type config struct {
	Quarantine string        `toml:"quarantine"` // folder; pawl-release reads the same
	State      string        `toml:"state"`      // folder for session numbers and status.json
	Key        string        `toml:"key"`        // this receiver's private key, made by pawl-key receiver
	Sender     string        `toml:"sender"`     // the sender's public key
	Seal       string        `toml:"seal"`       // "aes-256-gcm" (default) or "none"
	Memory     conf.Size     `toml:"memory"`     // for block buffers; default 128 MiB
	Idle       conf.Duration `toml:"idle"`       // silence after which a short transfer is put aside; default 30 s
	Log        conf.LogStyle `toml:"log"`        // "text" (default) or "json"
	Confine    confinement   `toml:"confine"`    // "best" (default), "required" or "off"
	Metrics    conf.Metrics  `toml:"metrics"`
	Link       linkConfig    `toml:"link"`
	Channels   []channel     `toml:"channel"`
}

type linkConfig struct {
	Listen        string    `toml:"listen"`         // address:port of the NIC that faces the diode
	MTU           int       `toml:"mtu"`            // default 1500; the same on both sides
	ReceiveBuffer conf.Size `toml:"receive_buffer"` // of the socket; default 64 MiB
	Method        string    `toml:"method"`         // "auto" (default), "gro", "mmsg" or "plain"
	More          []socket  `toml:"more"`           // further links of the same sender; the rest is as above
}

// socket is where one more link ends.
type socket struct {
	Listen string `toml:"listen"`
}

type channel struct {
	ID           int           `toml:"id"`
	Name         string        `toml:"name"`
	Quota        conf.Size     `toml:"quota"`         // on disk, short of release; default 1 TiB
	MaxTransfer  conf.Size     `toml:"max_transfer"`  // content of one transfer; default the quota
	MaxTransfers int           `toml:"max_transfers"` // arriving at once; default 256
	Expect       []string      `toml:"expect"`        // when a transfer must come, like "daily 06:00" or "Mon-Fri 18:30 Europe/Berlin"; default never
	Grace        conf.Duration `toml:"expect_grace"`  // how much later it may be; default 1 h
}

// load reads and checks the configuration.
func load(path string) (*config, error) {
	c := &config{
		Seal: seal.ModeAESGCM.String(), Memory: 128 << 20, Idle: conf.Duration(30 * time.Second), Log: conf.LogText, Confine: confineBest,
		Link: linkConfig{MTU: 1500, ReceiveBuffer: 64 << 20, Method: "auto"},
	}
	if err := conf.Load(path, c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, conf.Locate(path, err)
	}
	return c, nil
}

// check refuses what can't work, naming the key.
func (c *config) check() error {
	for _, need := range []struct{ key, value, write string }{
		{"quarantine", c.Quarantine, "the folder that pawl-release reads too"},
		{"state", c.State, "a folder of its own, as in \"/var/lib/pawl-receive\""},
		{"key", c.Key, "the file that pawl-key receiver made"},
		{"sender", c.Sender, "the sender's public key, FILE.pub of pawl-key sender"},
		{"link.listen", c.Link.Listen, "the address of the diode's NIC and a port, as in \"10.9.0.2:4600\""},
	} {
		if need.value == "" {
			return conf.Wrong(need.key, "is missing: write %s", need.write)
		}
	}
	if _, err := seal.ParseMode(c.Seal); err != nil {
		return conf.At("seal", err)
	}
	if err := c.Link.check(); err != nil {
		return err
	}
	switch c.Link.method() {
	case link.Auto, link.GRO, link.MMsg, link.Plain:
	default:
		return conf.Wrong("link.method", "%q is none of \"auto\", \"gro\", \"mmsg\" and \"plain\"", c.Link.Method)
	}
	if err := c.checkMachine(); err != nil {
		return err
	}
	if c.Idle < conf.Duration(time.Second) {
		return conf.Wrong("idle", "less than 1s would put transfers aside between two packets")
	}
	return c.checkChannels()
}

func (c *config) checkChannels() error {
	if len(c.Channels) == 0 {
		return conf.Wrong("channel", "no [[channel]] is configured: write at least one with id and name")
	}
	ids, names := map[int]bool{}, map[string]bool{}
	for i, ch := range c.Channels {
		at := fmt.Sprintf("channel[%d].", i)
		switch {
		case ch.ID < 1 || ch.ID > 65535:
			return conf.Wrong(at+"id", "%d is not in 1 to 65535", ch.ID)
		case ch.Name == "":
			return conf.Wrong(at+"name", "is missing: write what people call the channel")
		case ids[ch.ID]:
			return conf.Wrong(at+"id", "%d is used twice", ch.ID)
		case names[ch.Name]:
			return conf.Wrong(at+"name", "%q is used twice", ch.Name)
		case ch.MaxTransfers < 0 || ch.MaxTransfers > 4096:
			return conf.Wrong(at+"max_transfers", "%d is not in 1 to 4096", ch.MaxTransfers)
		case ch.Grace < 0:
			return conf.Wrong(at+"expect_grace", "%v is negative", time.Duration(ch.Grace))
		}
		if _, err := ch.expectations(); err != nil {
			return conf.At(at+"expect", err)
		}
		ids[ch.ID], names[ch.Name] = true, true
	}
	return nil
}

// listens are the addresses of all links.
func (l linkConfig) listens() []string {
	all := []string{l.Listen}
	for _, more := range l.More {
		all = append(all, more.Listen)
	}
	return all
}

// check refuses links that can't be one path: the symbols of a block come by all of them.
func (l linkConfig) check() error {
	size, err := l.datagramSize()
	if err != nil {
		return err
	}
	if len(l.More) >= fec.MaxLinks {
		return conf.Wrong("link.more", "%d links are more than the %d that a receiver keeps apart", 1+len(l.More), fec.MaxLinks)
	}
	seen := map[string]bool{}
	for i, listen := range l.listens() {
		one, key := l, fmt.Sprintf("link.more[%d].listen", i-1)
		one.Listen = listen
		switch other, err := one.datagramSize(); {
		case listen == "":
			return conf.Wrong(key, "is missing: write address:port, as in \"10.9.1.2:4600\"")
		case err != nil:
			return conf.Wrong(key, "%w", errors.Unwrap(err))
		case other != size:
			return conf.Wrong(key, "%s is of another IP version than %s: datagrams would differ in size", listen, l.Listen)
		case seen[listen]:
			return conf.Wrong(key, "%s is used twice", listen)
		}
		seen[listen] = true
	}
	return nil
}

// datagramSize is the length of the link's datagrams, octets.
func (l linkConfig) datagramSize() (int, error) {
	host, _, err := net.SplitHostPort(l.Listen)
	if err != nil {
		return 0, conf.Wrong("link.listen", "%w: write address:port, as in \"10.9.0.2:4600\"", err)
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return 0, conf.Wrong("link.listen", "%q is not an address: name the diode's NIC by its address, as in \"10.9.0.2:4600\"", host)
	}
	t, err := framing.SymbolSize(l.MTU, ip.To4() == nil)
	if err != nil {
		return 0, conf.At("link.mtu", err)
	}
	return t + framing.Overhead, nil
}

// method is the way of reading that the link is opened with.
func (l linkConfig) method() link.Method {
	if l.Method == "auto" {
		return link.Auto
	}
	return link.Method(l.Method)
}

// situationPath is where it tells pawl-release the same.
func (c *config) situationPath() string { return filepath.Join(c.Quarantine, quarantine.SituationFile) }

// statusPath is where the running receiver keeps its status.
func (c *config) statusPath() string { return filepath.Join(c.State, "status.json") }

// receiver turns the file into what the receiver takes, reading the keys.
func (c *config) receiver() (receiver.Config, error) {
	mode, err := seal.ParseMode(c.Seal)
	if err != nil {
		return receiver.Config{}, err
	}
	size, err := c.Link.datagramSize()
	if err != nil {
		return receiver.Config{}, err
	}
	out := receiver.Config{StateDir: c.State, Mode: mode, DatagramSize: size, Memory: int(c.Memory), Idle: time.Duration(c.Idle)}
	if out.Key, err = keyfile.ReceiverKey(c.Key); err != nil {
		return receiver.Config{}, conf.At("key", err)
	}
	if out.Sender, err = keyfile.SenderPublic(c.Sender); err != nil {
		return receiver.Config{}, conf.At("sender", err)
	}
	for _, ch := range c.Channels {
		expect, err := ch.expectations()
		if err != nil {
			return receiver.Config{}, err
		}
		out.Channels = append(out.Channels, receiver.Channel{
			ID: uint16(ch.ID), Name: ch.Name, Quota: uint64(ch.Quota), MaxTransfer: uint64(ch.MaxTransfer), MaxTransfers: ch.MaxTransfers,
			Expect: expect, Grace: time.Duration(ch.Grace),
		})
	}
	return out, nil
}

// expectations are when a transfer of the channel must come.
func (c *channel) expectations() (all []receiver.Expectation, err error) {
	for _, text := range c.Expect {
		e, err := receiver.ParseExpectation(text)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
