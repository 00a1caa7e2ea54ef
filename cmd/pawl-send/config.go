package main

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"time"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/hw/link"
	"pawl/sender"
)

// config is pawl-send.toml. What is left out has the default named here.
type config struct {
	State      string        `toml:"state"`       // folder for the numbers that only grow
	Socket     string        `toml:"socket"`      // Unix socket for submit and status; default <state>/pawl-send.sock
	Key        string        `toml:"key"`         // this sender's private key, made by pawl-key sender
	Receiver   string        `toml:"receiver"`    // the receiver's public key; not needed when seal is "none"
	ReceiptKey string        `toml:"receipt_key"` // made by pawl-key receipt, the same on both sides; default: nothing can be confirmed
	Seal       string        `toml:"seal"`        // "aes-256-gcm" (default) or "none"
	Log        conf.LogStyle `toml:"log"`         // "text" (default) or "json"
	Metrics    conf.Metrics  `toml:"metrics"`
	Audit      auditConfig   `toml:"audit"`
	Link       linkConfig    `toml:"link"`
	Channels   []channel     `toml:"channel"`
	SFTP       sftpConfig    `toml:"sftp"`    // for pawl-send sftp
	Console    consoleConfig `toml:"console"` // for pawl-send console

	digest [sha256.Size]byte // of the file, and of the profile if it names one
}

type linkConfig struct {
	Local      string        `toml:"local"`       // address:port of the NIC that faces the diode; default the kernel's choice
	Remote     string        `toml:"remote"`      // address:port of the receiver
	Rate       conf.Rate     `toml:"rate"`        // of the wire, all headers and gaps included
	MTU        int           `toml:"mtu"`         // default 1500; the same on both sides
	Loss       conf.Percent  `toml:"loss"`        // what the link loses at random
	Burst      conf.Duration `toml:"burst"`       // its longest outage
	BurstEvery conf.Duration `toml:"burst_every"` // how often outages come; default rarely
	Failure    float64       `toml:"failure"`     // acceptable probability that a transfer is not whole; default 1e-12
	Memory     conf.Size     `toml:"memory"`      // for one interleaved group, on either side; default 64 MiB
	GSO        bool          `toml:"gso"`         // let the kernel cut batches into packets; default true
	SendBuffer conf.Size     `toml:"send_buffer"` // of the socket; default 1 MiB
	PaceBurst  conf.Size     `toml:"pace_burst"`  // the most that leaves at once after a stall; default 1 ms of the rate
	Profile    string        `toml:"profile"`     // file of pawl-bench calibrate: rate, loss, burst, burst_every where they are left out here
	ProfileKey string        `toml:"profile_key"` // public key that must have signed it

	Survive int        `toml:"survive_links"` // how many links may be lost, whichever; default 0
	More    []moreLink `toml:"more"`          // further links that share the packets; the rest is as above
}

type channel struct {
	ID       int           `toml:"id"`
	Name     string        `toml:"name"`
	Folder   string        `toml:"folder"`   // holds outbox/, claimed/, sent/ and refused/
	Passes   int           `toml:"passes"`   // how often content is sent; default 1
	PassGap  conf.Duration `toml:"pass_gap"` // from the end of one pass to the next
	Quiet    conf.Duration `toml:"quiet"`    // how long a copied-in entry must not change; default 2 s
	Symlinks string        `toml:"symlinks"` // "refuse" (default) or "skip"
	FEC      *fecConfig    `toml:"fec"`      // the channel's own; default planned from the link

	Priority  sender.Class  `toml:"priority"`        // "urgent", "normal" (default) or "bulk"
	Weight    weight        `toml:"weight"`          // share of the link among channels of one priority; default 1
	Windows   []window      `toml:"windows"`         // when content is sent; default always
	Quota     *quotaConfig  `toml:"quota"`           // what is sent in a day; default without bound
	KeepSent  conf.Duration `toml:"keep_sent"`       // how long sent/ keeps a transfer; default for ever
	KeepBytes conf.Size     `toml:"keep_sent_bytes"` // what sent/ may take, the oldest go first; default without bound

	Carousel *carouselConfig `toml:"carousel"` // what is sent again while the link is idle; default nothing

	Complete   signs     `toml:"complete"`         // when an entry of the outbox is complete; default "rename,quiet"
	Group      grouping  `toml:"group"`            // what is one transfer: "top" (default), "file" or "quiet"
	Include    []pattern `toml:"include"`          // files that are taken; default all
	Exclude    []pattern `toml:"exclude"`          // files and folders that are not
	OnFiltered filtered  `toml:"on_filtered"`      // "leave" (default) or "refuse"
	FoldCase   bool      `toml:"case_insensitive"` // refuse transfers with names that differ only in case
	MaxFile    conf.Size `toml:"max_file"`         // default no bound
	MaxSize    conf.Size `toml:"max_transfer"`     // default no bound
	MaxEntries uint64    `toml:"max_entries"`      // of a transfer; default no bound
}

// quotaConfig bounds what a channel sends in a day; what is above it waits.
type quotaConfig struct {
	Bytes conf.Size `toml:"bytes,omitempty"` // of content, all passes; default without bound
	Files files     `toml:"files,omitempty"` // first passes only; default without bound
	Zone  zone      `toml:"zone"`            // time zone whose midnight begins a day; default UTC
}

// fecConfig says what a channel's transfers are planned for, in place of the link, or sets the code of its larger objects by hand.
type fecConfig struct {
	Loss       conf.Percent  `toml:"loss"`        // default the link's, as those below
	Burst      conf.Duration `toml:"burst"`       // the longest outage
	BurstEvery conf.Duration `toml:"burst_every"` // how often outages come
	Failure    float64       `toml:"failure"`     // acceptable probability that a transfer is not whole

	Code  string `toml:"code"` // by hand, with the three below
	K     int    `toml:"k"`
	R     int    `toml:"r"`
	Depth int    `toml:"depth"`
}

// firstStated names the first key of what is planned for.
func (f *fecConfig) firstStated() string {
	switch {
	case f.Loss != 0:
		return "loss"
	case f.Burst != 0:
		return "burst"
	case f.BurstEvery != 0:
		return "burst_every"
	}
	return "failure"
}

// plan enters what the table says.
func (f *fecConfig) plan(out *sender.Channel, bad func(key, format string, args ...any) (sender.Channel, error)) (sender.Channel, error) {
	byHand := f.Code != "" || f.K != 0 || f.R != 0 || f.Depth != 0
	out.Stated = sender.Statement{Loss: float64(f.Loss), Burst: time.Duration(f.Burst), BurstEvery: time.Duration(f.BurstEvery), Failure: f.Failure}
	switch {
	case byHand && out.Stated != sender.Statement{}:
		return bad("fec."+f.firstStated(), "stands beside a code by hand: say one of the two")
	case !byHand && out.Stated == sender.Statement{}:
		return bad("fec", "says nothing: write loss, burst or failure, or code, k, r and depth, or leave the table out")
	case f.Failure < 0 || f.Failure >= 1:
		return bad("fec.failure", "%v is no probability to bear: write one as in 1e-12", f.Failure)
	case f.Burst < 0 || f.BurstEvery < 0:
		return bad("fec.burst", "an outage of %v every %v: neither may be negative", time.Duration(f.Burst), time.Duration(f.BurstEvery))
	case !byHand:
		return *out, nil
	}
	code, err := fec.ParseCode(f.Code)
	if err != nil {
		return bad("fec.code", "%w", err)
	}
	if err := fec.Check(code, f.K, f.R); err != nil {
		return bad("fec", "%w", err)
	}
	if f.Depth < 1 {
		return bad("fec.depth", "%d is less than 1", f.Depth)
	}
	out.FEC = &fec.Plan{Code: code, K: f.K, R: f.R, Depth: f.Depth, Copies: 1}
	return *out, nil
}

// defaults is the configuration of an empty file.
func defaults() *config {
	return &config{Seal: seal.ModeAESGCM.String(), Log: conf.LogText, Link: linkConfig{MTU: 1500, GSO: true, Failure: fec.DefaultFailure}, SFTP: sftpConfig{Listen: address{"127.0.0.1:2222"}}}
}

// load reads and checks the configuration.
func load(path string) (*config, error) {
	c := defaults()
	if err := conf.Load(path, c); err != nil {
		return nil, err
	}
	c, measured, err := c.withProfile(path)
	if err != nil {
		return nil, conf.Locate(path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c.digest = sha256.Sum256(append(text, measured...))
	if c.Socket == "" && c.State != "" {
		c.Socket = c.State + "/pawl-send.sock"
	}
	if err := c.check(); err != nil {
		return nil, conf.Locate(path, err)
	}
	return c, nil
}

// check refuses what can't work, naming the key.
func (c *config) check() error {
	mode, err := seal.ParseMode(c.Seal)
	if err != nil {
		return conf.At("seal", err)
	}
	for _, need := range []struct{ key, value, write string }{
		{"state", c.State, "a folder of its own, as in \"/var/lib/pawl-send\""},
		{"key", c.Key, "the file that pawl-key sender made"},
		{"link.remote", c.Link.Remote, "the receiver's address and port, as in \"10.9.0.2:4600\""},
	} {
		if need.value == "" {
			return conf.Wrong(need.key, "is missing: write %s", need.write)
		}
	}
	switch {
	case c.Receiver == "" && mode != seal.ModeNone:
		return conf.Wrong("receiver", "is missing: packets can't be sealed without the receiver's public key: write the file that pawl-key receiver made, FILE.pub")
	case c.Link.Rate == 0:
		return conf.Wrong("link.rate", "is missing: state what the diode carries, as in \"1Gbit/s\"")
	case len(c.Channels) == 0:
		return conf.Wrong("channel", "no [[channel]] is configured: write at least one with id, name and folder")
	}
	if err := c.Audit.check(); err != nil {
		return err
	}
	forecast, err := c.Link.forecast()
	if err == nil {
		err = c.checkMachine()
	}
	if err != nil {
		return err
	}
	if _, err := forecast.Plan(1 << 30); err != nil {
		return conf.At("link", err)
	}
	all, err := c.channels()
	if err != nil {
		return err
	}
	if err := c.SFTP.check(all); err != nil {
		return err
	}
	if err := c.Console.check(); err != nil {
		return err
	}
	return conf.At("channel", sender.CheckSurvival(forecast, all))
}

// channels turns the channels of the file into the sender's.
func (c *config) channels() ([]sender.Channel, error) {
	var all []sender.Channel
	for i := range c.Channels {
		ch, err := c.Channels[i].sender(i)
		if err == nil {
			err = c.unlike(i)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, ch)
	}
	return all, conf.At("channel", sender.CheckChannels(all))
}

// ipv6 says whether the link runs over IPv6.
func (l linkConfig) ipv6() (bool, error) {
	host, _, err := net.SplitHostPort(l.Remote)
	if err != nil {
		return false, conf.Wrong("link.remote", "%w: write address:port, as in \"10.9.0.2:4600\"", err)
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return false, conf.Wrong("link.remote", "%q is not an address: a diode has no name service: write address:port, as in \"10.9.0.2:4600\"", host)
	}
	return ip.To4() == nil, nil
}

// forecast is what the planner is told of the links.
func (l linkConfig) forecast() (fec.Link, error) {
	ipv6, err := l.ipv6()
	if err != nil {
		return fec.Link{}, err
	}
	if err := l.checkMore(); err != nil {
		return fec.Link{}, err
	}
	t, err := framing.SymbolSize(l.MTU, ipv6)
	if err != nil {
		return fec.Link{}, conf.At("link.mtu", err)
	}
	out := fec.Link{
		Loss: float64(l.Loss), Burst: time.Duration(l.Burst), BurstEvery: time.Duration(l.BurstEvery), Rate: uint64(l.Rate),
		SymbolSize: t, WireSize: link.WireSize(t+framing.Overhead, ipv6), Failure: l.Failure, Memory: uint64(l.Memory), Survive: l.Survive,
	}
	if len(l.More) > 0 {
		out.Rate = 0
		for _, one := range l.each() {
			out.Rates, out.Rate = append(out.Rates, uint64(one.Rate)), out.Rate+uint64(one.Rate)
		}
	}
	return out, nil
}

// paceBurst is the most that may leave at once, octets on the wire.
func (l linkConfig) paceBurst() int {
	if l.PaceBurst != 0 {
		return int(l.PaceBurst)
	}
	return max(int(uint64(l.Rate)/8/1000), 64<<10)
}

// sender turns a channel, which is number i of the file, into the sender's.
func (ch *channel) sender(i int) (sender.Channel, error) {
	bad := func(key, format string, args ...any) (sender.Channel, error) {
		return sender.Channel{}, conf.Wrong(fmt.Sprintf("channel[%d].%s", i, key), format, args...)
	}
	out := sender.Channel{
		ID: uint16(ch.ID), Name: ch.Name, Folder: ch.Folder, Passes: ch.Passes, PassGap: time.Duration(ch.PassGap), Quiet: time.Duration(ch.Quiet),
		Intake: ch.intake(),
	}
	switch {
	case ch.ID < 1 || ch.ID > 65535:
		return bad("id", "%d is not in 1 to 65535", ch.ID)
	case ch.Name == "":
		return bad("name", "is missing: write what people call the channel")
	case ch.Folder == "":
		return bad("folder", "is missing: write the folder that is to hold its outbox")
	}
	if ch.Passes < 0 || ch.Passes > maxPasses {
		return bad("passes", "%d is not in 1 to %d", ch.Passes, maxPasses)
	}
	switch ch.Symlinks {
	case "", "refuse":
	case "skip":
		out.Symlinks = sender.SymlinksSkip
	default:
		return bad("symlinks", "%q is neither \"refuse\" nor \"skip\"", ch.Symlinks)
	}
	if ch.Windows != nil && len(ch.Windows) == 0 {
		return bad("windows", "an empty list would mean never: leave it out for always; pawl-send hold stops a channel")
	}
	if ch.Carousel != nil && ch.Carousel.Age == 0 {
		return bad("carousel.age", "is missing: write for how long after its last pass a transfer is sent again, as in \"72h\", or leave the table out for no carousel")
	}
	if err := ch.share(&out); err != nil {
		return sender.Channel{}, err
	}
	if ch.FEC == nil {
		return out, nil
	}
	return ch.FEC.plan(&out, bad)
}

// sender turns the file into what the sender takes, reading the keys. Link, pacer and log are left to the caller.
func (c *config) sender() (sender.Config, error) {
	mode, err := seal.ParseMode(c.Seal)
	if err != nil {
		return sender.Config{}, err
	}
	out := sender.Config{State: c.State, Socket: c.Socket, Version: cli.Version(), Digest: c.digest, Seal: mode}
	if out.Key, err = keyfile.SenderKey(c.Key); err != nil {
		return sender.Config{}, conf.At("key", err)
	}
	if mode != seal.ModeNone {
		if out.Receiver, err = keyfile.ReceiverPublic(c.Receiver); err != nil {
			return sender.Config{}, conf.At("receiver", err)
		}
	}
	if c.ReceiptKey != "" {
		if out.Receipt, err = keyfile.ReceiptKey(c.ReceiptKey); err != nil {
			return sender.Config{}, conf.At("receipt_key", err)
		}
	}
	if out.Forecast, err = c.Link.forecast(); err != nil {
		return sender.Config{}, err
	}
	if out.Channels, err = c.channels(); err != nil {
		return sender.Config{}, err
	}
	for i, ch := range out.Channels {
		if _, err := ch.Forecast(out.Forecast).Plan(1); err != nil {
			return sender.Config{}, conf.Wrong(fmt.Sprintf("channel[%d].fec", i), "%w", err)
		}
	}
	return out, nil
}
