package main

import (
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/receiver/check"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/bucket"
	"pawl/receiver/release/people"
)

// config is pawl-release.toml. What is left out has the default named here.
type config struct {
	Quarantine string        `toml:"quarantine"`  // folder; pawl-receive writes the same
	Sender     string        `toml:"sender"`      // file of the sender's public key
	ReceiptKey string        `toml:"receipt_key"` // made by pawl-key receipt, the same on both sides; default: no receipt codes
	People     string        `toml:"people"`      // file of the people who approve, from this file's folder; default: nobody
	Rescan     conf.Duration `toml:"rescan"`      // how often everything is looked through; default 30 s
	Log        conf.LogStyle `toml:"log"`         // "text" (default) or "json"
	Metrics    conf.Metrics  `toml:"metrics"`
	Audit      auditConfig   `toml:"audit"`
	Console    consoleConfig `toml:"console"`
	Channels   []channel     `toml:"channel"`

	people []people.Person // of that file
	news   *release.News   // what the daemon says, once it was read

	digests digests
}

// digests are the SHA-256 of the two files as they were read, in hexadecimal: what the audit log says is in force.
type digests struct{ config, people string }

// auditConfig is the audit log: folder and key, or off.
type auditConfig struct {
	Folder string `toml:"folder"` // folder that is there; the log lies in it
	Key    string `toml:"key"`    // file of the log's secret key
	Off    bool   `toml:"off"`    // keep none
}

type channel struct {
	ID          int           `toml:"id"`
	Name        string        `toml:"name"`
	Inbox       string        `toml:"inbox"`         // folder that is there
	Release     mode          `toml:"release"`       // "one" (default) or "two" people say yes, or "auto"
	Show        []shown       `toml:"show"`          // what an approver must be shown; default files and verdicts
	KeepContent bool          `toml:"keep_content"`  // keep the bytes in quarantine after the release; default false
	Rejected    conf.Duration `toml:"keep_rejected"` // how long the bytes of rejected transfers are kept; default for ever
	MaxTransfer conf.Size     `toml:"max_transfer"`  // content of one transfer; default the format's
	MaxEntries  int           `toml:"max_entries"`   // files and folders of one transfer; default the format's
	Policy      string        `toml:"policy"`        // file of the policy for its content, from this file's folder; default: none is asked

	HoldFor   conf.Duration `toml:"hold_for"`        // wait so long after the first check, and check again; default not at all
	Windows   []window      `toml:"release_windows"` // when it releases, "Mon-Fri 08:00-18:00 Europe/Berlin"; default always
	Collision collision     `toml:"collision"`       // a name that the inbox has: "refuse" (default), "version", "same"
	Immutable immutable     `toml:"immutable"`       // what is released: "no" (default), "best", "required"
	After     []string      `toml:"after_release"`   // command, absolute path first; gets "--" and the released path; default none
	AfterTime conf.Duration `toml:"after_timeout"`   // then it is killed; default 1m

	S3 *s3Table `toml:"s3"` // a bucket in place of the inbox

	policy *check.Policy // that file; nil when there is none
}

// load reads and checks the configuration.
func load(path string) (*config, error) {
	c := &config{Rescan: conf.Duration(30 * time.Second), Log: conf.LogText}
	var err error
	if c.digests.config, err = loadFile(path, c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, conf.Locate(path, err)
	}
	if err := c.checkConsole(path); err != nil {
		return nil, conf.Locate(path, err)
	}
	if c.People != "" {
		c.People = beside(path, c.People)
		if c.people, c.digests.people, err = c.loadPeople(c.People); err != nil {
			return nil, conf.Locate(path, conf.At("people", err))
		}
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		if s := ch.S3; s != nil {
			s.Credentials = beside(path, s.Credentials)
			if s.CA != "" {
				s.CA = beside(path, s.CA)
			}
		}
		if ch.Policy == "" {
			continue
		}
		ch.Policy = beside(path, ch.Policy)
		var err error
		if ch.policy, err = loadPolicy(ch.Policy); err != nil {
			return nil, conf.Locate(path, conf.At(fmt.Sprintf("channel[%d].policy", i), err))
		}
	}
	return c, nil
}

// beside is where a file lies that is named in the configuration at path.
func beside(path, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(path), name)
}

// check refuses what can't work, naming the key.
func (c *config) check() error {
	switch {
	case c.Quarantine == "":
		return conf.Wrong("quarantine", "is missing: write the folder that pawl-receive fills")
	case c.Sender == "":
		return conf.Wrong("sender", "is missing: write the sender's public key, FILE.pub of pawl-key sender")
	case c.Rescan < conf.Duration(time.Second):
		return conf.Wrong("rescan", "less than 1s keeps the disk busy with nothing")
	case c.Audit.Off && (c.Audit.Folder != "" || c.Audit.Key != ""):
		return conf.Wrong("audit.off", "true beside a folder or a key: say one of the two")
	case !c.Audit.Off && c.Audit.Folder == "":
		return conf.Wrong("audit.folder", "write folder and key (see pawl-key audit), or off = true to keep no log of what is released")
	case !c.Audit.Off && c.Audit.Key == "":
		return conf.Wrong("audit.key", "write folder and key (see pawl-key audit), or off = true to keep no log of what is released")
	case len(c.Channels) == 0:
		return conf.Wrong("channel", "no [[channel]] is configured: write at least one with id, name and inbox")
	}
	ids, names := map[int]bool{}, map[string]bool{}
	for i := range c.Channels {
		ch, at := &c.Channels[i], fmt.Sprintf("channel[%d].", i)
		if ch.Release == "" {
			ch.Release = mode(release.One)
		}
		if ch.S3 != nil {
			if err := ch.S3.check(at+"s3", ch); err != nil {
				return err
			}
		}
		ch.fill()
		if ch.Show == nil && ch.Release.people() > 0 {
			ch.Show = []shown{showFiles, showVerdicts}
		}
		switch {
		case ch.ID < 1 || ch.ID > 65535:
			return conf.Wrong(at+"id", "%d is not in 1 to 65535", ch.ID)
		case ch.Name == "":
			return conf.Wrong(at+"name", "is missing: write what people call the channel")
		case ids[ch.ID]:
			return conf.Wrong(at+"id", "%d is used twice", ch.ID)
		case names[ch.Name]:
			return conf.Wrong(at+"name", "%q is used twice", ch.Name)
		case ch.S3 == nil && ch.Inbox == "":
			return conf.Wrong(at+"inbox", "is missing: write a folder that is there, as an absolute path")
		case ch.S3 == nil && !filepath.IsAbs(ch.Inbox):
			return conf.Wrong(at+"inbox", "%q is not an absolute path", ch.Inbox)
		case ch.Release.people() > 0 && c.People == "":
			return conf.Wrong("people", "is missing: channel %q asks for people: write a file of them (docs/approvals.md), or its release = \"auto\"", ch.Name)
		case ch.Release.people() == 0 && len(ch.Show) > 0:
			return conf.Wrong(at+"show", "nobody approves where release = \"auto\": leave it out")
		case len(ch.After) > 0 && !filepath.IsAbs(ch.After[0]):
			return conf.Wrong(at+"after_release", "%q is not an absolute path: a command is found nowhere else", ch.After[0])
		case len(ch.After) == 0 && ch.AfterTime != 0:
			return conf.Wrong(at+"after_timeout", "there is no after_release that it could be of")
		case ch.MaxEntries < 0:
			return conf.Wrong(at+"max_entries", "%d is negative: write how many files and folders one transfer may have", ch.MaxEntries)
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

// inbox gives the place that the transfers of a channel go to.
func (c *config) inbox(id uint16) string {
	for _, ch := range c.Channels {
		if ch.ID == int(id) {
			return ch.place()
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
	gate, err := c.newGate(store, sender, who, log)
	if err != nil {
		return nil, nil, err
	}
	if _, err := c.registry(sender); err != nil {
		return nil, nil, err
	}
	book, err := c.openAudit(log)
	if err != nil {
		return nil, nil, err
	}
	gate.Audit(book)
	return store, gate, nil
}

// acting is gate for a command that may release: what it works by may be another than the daemon does, and is entered first.
func (c *config) acting(who, path string) (*quarantine.Store, *release.Gate, error) {
	store, gate, err := c.gate(who, zap.NewNop())
	if err == nil {
		err = c.enterChanges(gate, path)
	}
	if err == nil {
		err = c.enterPolicies(gate)
	}
	return store, gate, err
}

// newGate makes a gate over a quarantine. Whether there are people enough is not asked: looking takes none.
func (c *config) newGate(store *quarantine.Store, sender seal.SenderPublic, who string, log *zap.Logger) (*release.Gate, error) {
	all, err := people.New(c.people, sender)
	if err != nil {
		return nil, conf.At("people", err)
	}
	var channels []release.Channel
	for i, ch := range c.Channels {
		var to *bucket.Bucket
		if ch.S3 != nil {
			if to, err = ch.S3.open(fmt.Sprintf("channel[%d].s3", i)); err != nil {
				return nil, err
			}
		}
		channels = append(channels, release.Channel{
			ID: uint16(ch.ID), Name: ch.Name, Inbox: cleaned(ch.Inbox), Release: release.Mode(ch.Release), Show: words(ch.Show), Keep: ch.KeepContent, Refused: time.Duration(ch.Rejected),
			Limits: framing.PlanLimits{Entries: uint64(ch.MaxEntries), Content: uint64(ch.MaxTransfer)},
			Policy: ch.policy, HoldFor: time.Duration(ch.HoldFor), Windows: ch.windows(), Collision: release.Collision(ch.Collision),
			Bucket: to, Immutable: release.Immutable(ch.Immutable), After: ch.after(),
		})
	}
	gate := release.NewGate(store, sender, channels, who, log)
	gate.People(all)
	gate.Guard(c.inForce)
	gate.InForce(c.digests.config, c.digests.people)
	return gate, nil
}

// viewer makes a gate that is only looked through: it keeps no log.
func (c *config) viewer(store *quarantine.Store) (*release.Gate, error) {
	sender, err := keyfile.SenderPublic(c.Sender)
	if err != nil {
		return nil, err
	}
	return c.newGate(store, sender, "nobody", zap.NewNop())
}

// cleaned is filepath.Clean, and "" for no path.
func cleaned(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Clean(path)
}
