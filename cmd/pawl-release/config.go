package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

// config is pawl-release.toml. What is left out has the default named here.
type config struct {
	Quarantine string        `toml:"quarantine"` // folder; pawl-receive writes the same
	Sender     string        `toml:"sender"`     // file of the sender's public key
	Rescan     conf.Duration `toml:"rescan"`     // how often everything is looked through; default 30 s
	Log        string        `toml:"log"`        // "text" (default) or "json"
	Channels   []channel     `toml:"channel"`
}

type channel struct {
	ID          int       `toml:"id"`
	Name        string    `toml:"name"`
	Inbox       string    `toml:"inbox"`        // folder that is there
	Release     string    `toml:"release"`      // "hold" (default) or "auto"
	KeepContent bool      `toml:"keep_content"` // keep the bytes in quarantine after the release; default false
	MaxTransfer conf.Size `toml:"max_transfer"` // content of one transfer; default the format's
	MaxEntries  int       `toml:"max_entries"`  // files and folders of one transfer; default the format's
	Policy      string    `toml:"policy"`       // file of the policy for its content, from this file's folder; default: none is asked

	policy *check.Policy // that file; nil when there is none
}

// The ways a channel releases.
const (
	releaseHold = "hold"
	releaseAuto = "auto"
)

// load reads and checks the configuration.
func load(path string) (*config, error) {
	c := &config{Rescan: conf.Duration(30 * time.Second), Log: "text"}
	if err := conf.Load(path, c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		if ch.Policy == "" {
			continue
		}
		if !filepath.IsAbs(ch.Policy) {
			ch.Policy = filepath.Join(filepath.Dir(path), ch.Policy)
		}
		var err error
		if ch.policy, err = loadPolicy(ch.Policy); err != nil {
			return nil, fmt.Errorf("channel %q: policy: %w", ch.Name, err)
		}
	}
	return c, nil
}

// check refuses what can't work, naming the key.
func (c *config) check() error {
	switch {
	case c.Quarantine == "":
		return errors.New("quarantine is missing")
	case c.Sender == "":
		return errors.New("sender is missing")
	case c.Log != "text" && c.Log != "json":
		return fmt.Errorf("log: %q is neither \"text\" nor \"json\"", c.Log)
	case c.Rescan < conf.Duration(time.Second):
		return errors.New("rescan: less than 1s keeps the disk busy with nothing")
	case len(c.Channels) == 0:
		return errors.New("no [[channel]] is configured: write at least one with id, name and inbox")
	}
	ids, names := map[int]bool{}, map[string]bool{}
	for i := range c.Channels {
		ch := &c.Channels[i]
		if ch.Release == "" {
			ch.Release = releaseHold
		}
		switch {
		case ch.ID < 1 || ch.ID > 65535:
			return fmt.Errorf("channel %q: id %d is not in 1 to 65535", ch.Name, ch.ID)
		case ch.Name == "":
			return fmt.Errorf("channel %d: name is missing", ch.ID)
		case ids[ch.ID]:
			return fmt.Errorf("channel %q: id %d is used twice", ch.Name, ch.ID)
		case names[ch.Name]:
			return fmt.Errorf("channel %d: name %q is used twice", ch.ID, ch.Name)
		case ch.Inbox == "":
			return fmt.Errorf("channel %q: inbox is missing", ch.Name)
		case !filepath.IsAbs(ch.Inbox):
			return fmt.Errorf("channel %q: inbox %q is not an absolute path", ch.Name, ch.Inbox)
		case ch.Release != releaseHold && ch.Release != releaseAuto:
			return fmt.Errorf("channel %q: release: %q is neither \"auto\" nor \"hold\"", ch.Name, ch.Release)
		case ch.MaxEntries < 0:
			return fmt.Errorf("channel %q: max_entries is negative", ch.Name)
		}
		ids[ch.ID], names[ch.Name] = true, true
	}
	return nil
}

// label gives the name of a channel, or its number where it is not configured.
func (c *config) label(id uint16) string {
	for _, ch := range c.Channels {
		if ch.ID == int(id) {
			return ch.Name
		}
	}
	return fmt.Sprintf("(%d)", id)
}

// inbox gives the inbox of a channel.
func (c *config) inbox(id uint16) string {
	for _, ch := range c.Channels {
		if ch.ID == int(id) {
			return ch.Inbox
		}
	}
	return ""
}

// gate opens what the configuration names. who acts, for the history.
func (c *config) gate(who string, log *zap.Logger) (*quarantine.Store, *release.Gate, error) {
	sender, err := keyfile.SenderPublic(c.Sender)
	if err != nil {
		return nil, nil, err
	}
	store, err := quarantine.Open(c.Quarantine)
	if err != nil {
		return nil, nil, err
	}
	var channels []release.Channel
	for _, ch := range c.Channels {
		channels = append(channels, release.Channel{
			ID: uint16(ch.ID), Name: ch.Name, Inbox: filepath.Clean(ch.Inbox), Auto: ch.Release == releaseAuto, Keep: ch.KeepContent,
			Limits: framing.PlanLimits{Entries: uint64(ch.MaxEntries), Content: uint64(ch.MaxTransfer)},
			Policy: ch.policy,
		})
	}
	return store, release.NewGate(store, sender, channels, who, log), nil
}
