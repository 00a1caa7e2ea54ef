package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/crypto/ssh"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/sender"
	"pawl/sender/sftp"
)

// sftpConfig is what pawl-send sftp works with.
type sftpConfig struct {
	Listen      address       `toml:"listen"`          // default "127.0.0.1:2222"
	HostKey     string        `toml:"host_key"`        // made at the first start; default <state>/sftp_host_key
	Connections int           `toml:"max_connections"` // at a time, of all users; default 32
	OpenFiles   int           `toml:"max_open"`        // files and listings of one connection; default 32
	Idle        conf.Duration `toml:"idle"`            // how long a client may be silent; default 5 min
	Users       []sftpUser    `toml:"user"`
}

// sftpUser is one who may drop files into a channel.
type sftpUser struct {
	Name    userName  `toml:"name"`
	Keys    string    `toml:"keys"`    // file of public keys, as authorized_keys of OpenSSH
	Channel string    `toml:"channel"` // its name
	Quota   conf.Size `toml:"quota"`   // octets that have not gone to the outbox yet; default as much as the disk holds
}

// address is where to listen: an address and a port.
type address struct{ text string }

// UnmarshalText refuses what is no address of this machine: names, and ports by name.
func (a *address) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err == nil && net.ParseIP(host) == nil {
		err = fmt.Errorf("%q is no address", host)
	}
	if err == nil {
		_, err = net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
	}
	if err != nil {
		return fmt.Errorf(`%w: write address:port, as in "127.0.0.1:2222"`, err)
	}
	a.text = string(text)
	return nil
}

// MarshalText writes it.
func (a address) MarshalText() ([]byte, error) { return []byte(a.text), nil }

// userName is the name of a user.
type userName struct{ text string }

// UnmarshalText refuses what cannot be a user.
func (n *userName) UnmarshalText(text []byte) error {
	n.text = string(text)
	return sftp.CheckUser(string(text))
}

// MarshalText writes it.
func (n userName) MarshalText() ([]byte, error) { return []byte(n.text), nil }

// check holds the users to the channels.
func (c *sftpConfig) check(all []sender.Channel) error {
	seen := map[userName]bool{}
	for i, u := range c.Users {
		at := fmt.Sprintf("sftp.user[%d]", i)
		switch {
		case u.Name.text == "" || u.Keys == "" || u.Channel == "":
			return conf.Wrong(at, "name, keys or channel is missing: write all three")
		case seen[u.Name]:
			return conf.Wrong(at+".name", "user %q is there twice: give each one [[sftp.user]]", u.Name.text)
		case channelOf(all, u.Channel) == nil:
			return conf.Wrong(at+".channel", "no [[channel]] has the name %q: write one that has", u.Channel)
		}
		seen[u.Name] = true
	}
	switch {
	case c.Connections < 0:
		return conf.Wrong("sftp.max_connections", "%d is less than 1: write how many, or leave it out", c.Connections)
	case c.OpenFiles < 0:
		return conf.Wrong("sftp.max_open", "%d is less than 1: write how many, or leave it out", c.OpenFiles)
	}
	return nil
}

// defaults puts the defaults where the file left something out.
func (c *sftpConfig) defaults(state string) {
	if c.HostKey == "" {
		c.HostKey = state + "/sftp_host_key"
	}
	if c.Connections == 0 {
		c.Connections = sftp.DefaultConnections
	}
	if c.OpenFiles == 0 {
		c.OpenFiles = sftp.DefaultOpenFiles
	}
	if c.Idle == 0 {
		c.Idle = conf.Duration(sftp.DefaultIdle)
	}
}

// checkKeys reads the users' keys.
func (c *sftpConfig) checkKeys() error {
	for _, u := range c.Users {
		if _, err := sftp.Authorized(u.Keys); err != nil {
			return fmt.Errorf("sftp.user %q: %w", u.Name.text, err)
		}
	}
	return nil
}

// channelOf is the channel of a name, nil if there is none.
func channelOf(all []sender.Channel, name string) *sender.Channel {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// partSuffixes end the names under which clients send what they rename when it is whole.
var partSuffixes = []string{".filepart", ".part", ".partial"}

// keep says which files stay with their user: those that a client is going to rename, and
// those that the channel would leave in its outbox.
func keep(in sender.Intake) func(string) bool {
	return func(p string) bool {
		for _, suffix := range partSuffixes {
			if strings.HasSuffix(p, suffix) {
				return true
			}
		}
		return !in.RefuseFiltered && in.Filtered(p, false) != ""
	}
}

// server turns the file into what the intake takes, reading the keys.
func (c *config) server(log *zap.Logger) (sftp.Config, error) {
	out := sftp.Config{Connections: c.SFTP.Connections, OpenFiles: c.SFTP.OpenFiles, Idle: time.Duration(c.SFTP.Idle), Log: log}
	if len(c.SFTP.Users) == 0 {
		return out, errors.New("no [[sftp.user]] is configured: write at least one with name, keys and channel")
	}
	all, err := c.channels()
	if err != nil {
		return out, err
	}
	for _, u := range c.SFTP.Users {
		ch := channelOf(all, u.Channel)
		keys, err := sftp.Authorized(u.Keys)
		if err != nil {
			return out, fmt.Errorf("sftp.user %q: %w", u.Name.text, err)
		}
		quiet := ch.Quiet
		if quiet == 0 {
			quiet = sender.DefaultQuiet
		}
		out.Users = append(out.Users, sftp.User{
			Name: u.Name.text, Keys: keys, Folder: ch.Folder, Quiet: quiet, Quota: uint64(u.Quota), Max: ch.Intake.MaxFile,
			Files: ch.Intake.Group == sender.GroupFile, Keep: keep(ch.Intake),
		})
	}
	where := c.SFTP
	where.defaults(c.State)
	out.HostKey, err = sftp.HostKey(where.HostKey)
	return out, err
}

func sftpCommand(env *cli.Env) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "sftp",
		Short: "Take files for the outboxes over SFTP, until stopped",
		Long: `sftp lets the users of [[sftp.user]] drop files into the outbox of their channel, by public key only. It is a
process of its own beside pawl-send run, under the same user, and knows none of the sender's keys. A file goes to
the outbox when it is closed; nothing can be read back.`,
		Args: cobra.NoArgs,
		Example: `  pawl-send sftp -c /etc/pawl/pawl-send.toml
  sftp -P 2222 alice@127.0.0.1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			return runSFTP(cmd.Context(), env, c, path)
		},
	}
	configFlag(cmd, &path)
	return cmd
}

// runSFTP takes files until ctx ends; that is no failure.
func runSFTP(ctx context.Context, env *cli.Env, c *config, path string) error {
	log := env.Logger(string(c.Log))
	defer func() { _ = log.Sync() }()
	cfg, err := c.server(log)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.SFTP.Listen.text)
	if err != nil {
		return fmt.Errorf("sftp: %w", err)
	}
	server, err := sftp.New(cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("sftp: listening", zap.Stringer("address", listener.Addr()), zap.String("host_key", ssh.FingerprintSHA256(cfg.HostKey.PublicKey())))
	if at, ok := listener.Addr().(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		log.Warn("sftp: listening beyond this machine", zap.Stringer("address", at))
	}
	return server.Serve(ctx, listener)
}
