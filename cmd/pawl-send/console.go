package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/hw/confine"
	"pawl/hw/web"
	"pawl/sender/console"
)

// consoleConfig is what pawl-send console works with: pages that look at this side. Nothing is served without listen.
type consoleConfig struct {
	Listen         string   `toml:"listen"`          // "127.0.0.1:8444", "unix:/run/pawl-send-console/socket"; others with certificates only
	Certificate    string   `toml:"certificate"`     // file of the server's certificate, PEM; default none: no TLS
	CertificateKey string   `toml:"certificate_key"` // file of its key
	Clients        []string `toml:"clients"`         // files of the certificates, PEM, with one of which one may look; default whoever is on this machine
}

// network splits listen into what is listened on.
func (k *consoleConfig) network() (network, address string) {
	if path, ok := strings.CutPrefix(k.Listen, "unix:"); ok {
		return "unix", path
	}
	return "tcp", k.Listen
}

// check refuses what can't work. The low side has no people who log in: who may look is who is on this machine, or who has one of the certificates.
func (k *consoleConfig) check() error {
	network, address := k.network()
	at, bad := netip.ParseAddrPort(address)
	switch {
	case k.Listen == "" && (k.Certificate != "" || k.CertificateKey != "" || len(k.Clients) > 0):
		return conf.Wrong("console.listen", `is missing: write where the pages are served, as "127.0.0.1:8444"`)
	case k.Listen == "":
		return nil
	case network == "unix" && !filepath.IsAbs(address):
		return conf.Wrong("console.listen", `%q is not an absolute path of a socket: write "unix:/run/pawl-send-console/socket"`, k.Listen)
	case network == "unix" && len(address) > socketLimit:
		return conf.Wrong("console.listen", `%q is longer than the %d octets of a socket's path: write "unix:/run/pawl-send-console/socket"`, address, socketLimit)
	case network == "unix" && (k.Certificate != "" || k.CertificateKey != "" || len(k.Clients) > 0):
		return conf.Wrong("console.listen", "%q is a Unix socket, which needs no certificates: who may look is who may open it; leave them out, or write an address", k.Listen)
	case network == "tcp" && bad != nil:
		return conf.Wrong("console.listen", `%q is not an address with a port: write "127.0.0.1:8444" or "unix:/run/pawl-send-console/socket"`, k.Listen)
	case k.Certificate == "" && k.CertificateKey != "":
		return conf.Wrong("console.certificate", "is missing beside certificate_key: write both or none")
	case k.Certificate != "" && k.CertificateKey == "":
		return conf.Wrong("console.certificate_key", "is missing beside certificate: write both or none")
	case k.Certificate == "" && len(k.Clients) > 0:
		return conf.Wrong("console.clients", "clients show certificates by TLS only: write certificate and certificate_key too")
	case network == "tcp" && !at.Addr().Unmap().IsLoopback() && len(k.Clients) == 0:
		return conf.Wrong("console.listen", `%q can be reached from outside, and this console asks nobody for a passphrase: write certificate, certificate_key and clients, `+
			`or "127.0.0.1:%d", or "unix:/run/pawl-send-console/socket"`, k.Listen, at.Port())
	}
	return nil
}

// pins are the digests of the clients' certificates, with their files.
func (k *consoleConfig) pins() (map[[sha256.Size]byte]string, error) {
	pins := map[[sha256.Size]byte]string{}
	for _, name := range k.Clients {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, conf.At("console.clients", err)
		}
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, conf.Wrong("console.clients", "%s holds no certificate in PEM", name)
		}
		if more, _ := pem.Decode(rest); more != nil {
			return nil, conf.Wrong("console.clients", "%s holds more than one: write the browser's own alone", name)
		}
		pins[sha256.Sum256(block.Bytes)] = name
	}
	return pins, nil
}

// pair reads the server's certificate and its key; nil without TLS.
func (k *consoleConfig) pair() (*tls.Certificate, error) {
	if k.Certificate == "" {
		return nil, nil
	}
	text, err := os.ReadFile(k.Certificate)
	if err == nil {
		if block, _ := pem.Decode(text); block == nil {
			err = fmt.Errorf("%s holds no certificate in PEM", k.Certificate)
		}
	}
	if err != nil {
		return nil, conf.At("console.certificate", err)
	}
	pair, err := tls.LoadX509KeyPair(k.Certificate, k.CertificateKey)
	return &pair, conf.At("console.certificate_key", err)
}

// checkFiles reads what the console would read.
func (k *consoleConfig) checkFiles() error {
	if _, err := k.pins(); err != nil {
		return err
	}
	_, err := k.pair()
	return err
}

// show says where the console is and who may look.
func (k *consoleConfig) show(w io.Writer) error {
	if k.Listen == "" {
		return nil
	}
	pins, err := k.pins()
	if err != nil {
		return err
	}
	who := "whoever is on this machine"
	if network, _ := k.network(); network == "unix" {
		who = "whoever may open it"
	} else if len(pins) > 0 {
		who = "who has one of these certificates"
	}
	fmt.Fprintf(w, "console on %s, by pawl-send console: %s may look\n", k.Listen, who)
	for _, sum := range slices.SortedFunc(maps.Keys(pins), func(a, b [sha256.Size]byte) int { return strings.Compare(pins[a], pins[b]) }) {
		fmt.Fprintf(w, "  %s, sha256:%s\n", pins[sum], hex.EncodeToString(sum[:]))
	}
	return nil
}

// view opens the low side's log as it is now, with the public half of its key.
func (a *auditConfig) view(state string) (*merkle.View, error) {
	path := a.key(state) + ".pub"
	key, err := keyfile.AuditPublic(path)
	if err != nil {
		return nil, fmt.Errorf("%w: pawl-send run makes it at its first start; start this console after it", err)
	}
	view, err := merkle.OpenView(os.DirFS(a.folder(state)), key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.folder(state), err)
	}
	return view, nil
}

// reach is what the console needs of this machine: what it shows, what it reads at the start, and its address. The sender's keys are not in it.
func (c *config) reach(path string) confine.Reach {
	k := &c.Console
	r := confine.Reach{Read: append([]string{path}, k.Clients...)}
	for _, name := range []string{c.Link.Profile, c.Link.ProfileKey, k.Certificate, k.CertificateKey} {
		if name != "" {
			r.Read = append(r.Read, name)
		}
	}
	if !c.Audit.Off {
		r.Read = append(r.Read, c.Audit.folder(c.State), c.Audit.key(c.State)+".pub")
	}
	if network, address := k.network(); network == "unix" {
		r.Sockets = []string{filepath.Dir(address)}
	} else if at, err := netip.ParseAddrPort(address); err == nil {
		r.Listen = []uint16{at.Port()}
	}
	return r
}

// hold confines the console, in two steps: held says what the first did, and is empty before it, which becomes this program anew.
func (c *config) hold(held, path string, log *zap.Logger) error {
	if held == "" {
		err := confine.Hold("--held", c.reach(path))
		if errors.Is(err, confine.ErrAbsent) {
			log.Warn("not confined: whoever takes this program over can open what its user can, the sender's keys too", zap.Error(err))
			return nil
		}
		return err
	}
	applied, err := confine.ParseApplied(held)
	if err == nil {
		err = confine.Held(applied, false)
	}
	if err != nil {
		return err
	}
	for _, name := range []string{c.Key, c.ReceiptKey, c.Audit.key(c.State)} {
		if keyfile.IsSecret(name) {
			return fmt.Errorf("%s is within the console's reach: move it out of the folder of the audit log", name)
		}
	}
	log.Info("confined: it can open what it shows, and reaches nobody but pawl-send", zap.Stringer("by", applied))
	return nil
}

func consoleCommand(env *cli.Env) *cobra.Command {
	var path, held string
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Serve web pages that look at this side, until stopped",
		Long: `console serves pages and a JSON API that show outboxes, queue and history (docs/console.md), where [console] of the configuration
says. It is a process of its own beside pawl-send run, under the same user: it asks that one over its socket, for nothing that changes anything,
reads the audit log, and can't read any of the sender's keys: before it listens it confines itself, where the kernel has Landlock, and
starts itself again in the same process. While pawl-send run is away it goes on, and says so.`,
		Args: cobra.NoArgs,
		Example: `  pawl-send console -c /etc/pawl/pawl-send.toml
  curl http://localhost:8444/api/v1/overview`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(path)
			if err != nil {
				return err
			}
			log := env.Logger(string(c.Log))
			defer func() { _ = log.Sync() }()
			if c.Console.Listen == "" {
				return fmt.Errorf(`%s: no [console] is configured: write where it is served, as in listen = "127.0.0.1:8444"`, path)
			}
			if err := c.hold(held, path, log); err != nil {
				return err
			}
			return conf.Locate(path, runConsole(cmd.Context(), c, log))
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&held, "held", "", "what this process is confined by: it starts itself anew with this")
	if err := cmd.Flags().MarkHidden("held"); err != nil {
		panic(err) // it was defined right above
	}
	return cmd
}

// runConsole serves until ctx ends; that is no failure.
func runConsole(ctx context.Context, c *config, log *zap.Logger) error {
	k := &c.Console
	pins, err := k.pins()
	if err != nil {
		return err
	}
	own, err := k.pair()
	if err != nil {
		return err
	}
	desk := console.Config{Socket: c.Socket, Pins: pins, Secure: own != nil, Version: cli.Version(), Log: log}
	if !c.Audit.Off {
		desk.Audit = func() (*merkle.View, error) { return c.Audit.view(c.State) }
	}
	made, err := console.New(desk)
	if err != nil {
		return err
	}
	network, address := k.network()
	server, err := web.Listen(web.Address{Network: network, At: address, Certificate: own, Demand: len(pins) > 0}, made.Handler())
	if err != nil {
		return conf.At("console.listen", err)
	}
	log.Info("console is served", zap.Stringer("listen", server.Address()), zap.Bool("tls", own != nil), zap.Int("clients", len(pins)), zap.String("version", cli.Version()))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Run(ctx) })
	group.Go(func() error { return made.Run(ctx) })
	return group.Wait()
}
