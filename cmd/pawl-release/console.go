package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/ticket"
	"pawl/hw/web"
	"pawl/receiver/audit"
	"pawl/receiver/console"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
	"pawl/receiver/release/people"
)

// consoleConfig is the table [console]: the pages for people. Nothing is served without listen.
type consoleConfig struct {
	Listen         string          `toml:"listen"`          // "127.0.0.1:8443", "unix:/run/pawl-release/console"; others with a certificate only
	Keys           string          `toml:"keys"`            // folder of the people's locked keys, NAME.key of pawl-key person, from this file's folder
	Certificate    string          `toml:"certificate"`     // file of the server's certificate, PEM, from this file's folder; default none: no TLS
	CertificateKey string          `toml:"certificate_key"` // file of its key
	Host           string          `toml:"host"`            // a name that browsers ask for it by, where a proxy keeps it; default none: on a loopback address without TLS only this machine's names are answered
	Idle           conf.Duration   `toml:"idle"`            // a session ends after so long without a page; default 15 min
	Limit          conf.Duration   `toml:"limit"`           // and at the latest; default 8 h
	Clients        []consoleClient `toml:"client"`          // who may look with a certificate instead of a passphrase
}

// consoleClient is a browser's certificate and whose it is.
type consoleClient struct {
	Person      string `toml:"person"`
	Certificate string `toml:"certificate"` // file, PEM, from this file's folder
}

// network splits listen into what is listened on.
func (c *consoleConfig) network() (network, address string) {
	if path, ok := strings.CutPrefix(c.Listen, "unix:"); ok {
		return "unix", path
	}
	return "tcp", c.Listen
}

// checkConsole refuses what can't work, and fills in defaults.
func (c *config) checkConsole(path string) error {
	k := &c.Console
	if k.Listen == "" {
		if k.Keys != "" || k.Certificate != "" || k.CertificateKey != "" || k.Host != "" || k.Idle != 0 || k.Limit != 0 || len(k.Clients) > 0 {
			return conf.Wrong("console.listen", "is missing: write where the pages are served, as \"127.0.0.1:8443\"")
		}
		return nil
	}
	if k.Idle == 0 {
		k.Idle = conf.Duration(console.DefaultIdle)
	}
	if k.Limit == 0 {
		k.Limit = conf.Duration(console.DefaultLimit)
	}
	for _, name := range []*string{&k.Keys, &k.Certificate, &k.CertificateKey} {
		if *name != "" {
			*name = beside(path, *name)
		}
	}
	network, address := k.network()
	switch {
	case network == "unix" && !filepath.IsAbs(address):
		return conf.Wrong("console.listen", "%q is not an absolute path of a socket: write \"unix:/run/pawl-release/console\"", k.Listen)
	case c.People == "":
		return conf.Wrong("people", "is missing: the console is for people: write a file of them (docs/approvals.md)")
	case k.Keys == "":
		return conf.Wrong("console.keys", "is missing: write the folder of the people's keys, NAME.key of pawl-key person")
	case k.Certificate == "" && k.CertificateKey != "":
		return conf.Wrong("console.certificate", "is missing beside certificate_key: write both or none")
	case k.Certificate != "" && k.CertificateKey == "":
		return conf.Wrong("console.certificate_key", "is missing beside certificate: write both or none")
	case strings.ContainsAny(k.Host, ":/@ "):
		return conf.Wrong("console.host", "%q is not a name: write \"gateway.example\", without a port", k.Host)
	case k.Idle < conf.Duration(time.Minute) || k.Idle > k.Limit:
		return conf.Wrong("console.idle", "%v is not between 1m and limit, which is %v", time.Duration(k.Idle), time.Duration(k.Limit))
	case k.Limit > conf.Duration(24*time.Hour):
		return conf.Wrong("console.limit", "more than 24h: a key would lie open in memory overnight")
	}
	if err := web.CheckAddress(network, address, k.Certificate != ""); err != nil {
		return conf.Wrong("console.listen", "%w", err)
	}
	for i := range k.Clients {
		one, at := &k.Clients[i], fmt.Sprintf("console.client[%d].", i)
		switch {
		case k.Certificate == "":
			return conf.Wrong(at+"certificate", "clients show certificates by TLS only: write console.certificate and certificate_key")
		case one.Certificate == "":
			return conf.Wrong(at+"certificate", "is missing: write the file of the browser's certificate")
		case one.Person == "":
			return conf.Wrong(at+"person", "is missing: write whose certificate it is")
		}
		one.Certificate = beside(path, one.Certificate)
	}
	return nil
}

// client is a browser's certificate as its file has it.
type client struct {
	person      string
	certificate *x509.Certificate
}

// wrong says why a certificate is refused at a time; "" when it is not.
func (c client) wrong(now time.Time) string {
	switch {
	case now.Before(c.certificate.NotBefore):
		return "is not valid before " + c.certificate.NotBefore.UTC().Format(time.RFC3339)
	case now.After(c.certificate.NotAfter):
		return "has expired at " + c.certificate.NotAfter.UTC().Format(time.RFC3339)
	}
	return ""
}

// certificates are whose certificate each is, by its digest.
func (k *consoleConfig) certificates(all *people.Registry) (map[[32]byte]string, error) {
	clients, err := k.readClients(all)
	m := map[[32]byte]string{}
	for _, one := range clients {
		m[sha256.Sum256(one.certificate.Raw)] = one.person
	}
	return m, err
}

// readClients reads the clients' certificates.
func (k *consoleConfig) readClients(all *people.Registry) (clients []client, err error) {
	for i, one := range k.Clients {
		at := fmt.Sprintf("console.client[%d].", i)
		if _, err := all.Find(one.Person); err != nil {
			return nil, conf.At(at+"person", err)
		}
		text, err := os.ReadFile(one.Certificate)
		if err != nil {
			return nil, conf.At(at+"certificate", err)
		}
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, conf.Wrong(at+"certificate", "%s holds no certificate in PEM", one.Certificate)
		}
		if more, _ := pem.Decode(rest); more != nil {
			return nil, conf.Wrong(at+"certificate", "%s holds more than one: write the browser's own alone", one.Certificate)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, conf.Wrong(at+"certificate", "%s: %w", one.Certificate, err)
		}
		clients = append(clients, client{one.Person, certificate})
	}
	return clients, nil
}

// pages are the console and the address that it is served on.
type pages struct {
	console *console.Console
	server  *web.Server
}

// close gives up the address; a server that ran has done so already.
func (p *pages) close() {
	if p != nil {
		_ = p.server.Close()
	}
}

// openConsole opens the console; nil without an error when there is none.
func (c *config) openConsole(store *quarantine.Store, gate *release.Gate, decided func(), log *zap.Logger) (*pages, error) {
	k := &c.Console
	if k.Listen == "" {
		return nil, nil
	}
	sender, err := keyfile.SenderPublic(c.Sender)
	if err != nil {
		return nil, err
	}
	all, err := c.registry(sender)
	if err != nil {
		return nil, err
	}
	clients, err := k.certificates(all)
	if err != nil {
		return nil, err
	}
	var own *tls.Certificate
	if k.Certificate != "" {
		pair, err := k.pair()
		if err != nil {
			return nil, err
		}
		own = &pair
	}
	desk := console.Config{
		Root: c.Quarantine, Store: store, Gate: gate, People: all, Keys: k.Keys, Certificates: clients, Secure: own != nil, Idle: time.Duration(k.Idle),
		Limit: time.Duration(k.Limit), Rescan: time.Duration(c.Rescan), Decided: decided, Version: cli.Version(), Log: log,
	}
	c.lend(&desk, store, gate)
	made, err := console.New(desk)
	if err != nil {
		return nil, err
	}
	network, address := k.network()
	server, err := web.Listen(web.Address{Network: network, At: address, Certificate: own}, k.guarded(network, made.Handler()))
	if err != nil {
		return nil, conf.At("console.listen", err)
	}
	log.Info("console is served", zap.Stringer("listen", server.Address()), zap.Bool("tls", own != nil), zap.Int("people", all.Len()))
	return &pages{made, server}, nil
}

// guarded lets no page of another site in whose name points here. With TLS the certificate says whose the name is, a socket no browser opens by itself: there only
// a configured name is asked for.
func (k *consoleConfig) guarded(network string, pages http.Handler) http.Handler {
	switch {
	case k.Host != "":
		return web.ThisMachine(pages, k.Host)
	case network == "tcp" && k.Certificate == "":
		return web.ThisMachine(pages)
	}
	return pages
}

// lend gives the console what the commands do.
func (c *config) lend(desk *console.Config, store *quarantine.Store, gate *release.Gate) {
	for _, ch := range c.Channels {
		desk.Channels = append(desk.Channels, console.Channel{ID: uint16(ch.ID), Name: ch.Name, Need: ch.Release.people(), Show: words(ch.Show)})
	}
	if !c.Audit.Off {
		desk.Audit = c.Audit.view
		desk.Evidence = func(w io.Writer, id quarantine.ID) error { return c.pack(w, store, id) }
	}
	desk.Enter = func(who string, body audit.Body) error {
		if who == "" {
			_, err := gate.Enter(body)
			return err
		}
		_, err := gate.EnterFor(who, body)
		return err
	}
	inNameOf := func(who string) enterer {
		return func(body audit.Body) error { return desk.Enter(who, body) }
	}
	desk.Ticket = func(who string, id quarantine.ID, part int) (console.Carried, error) {
		k, err := c.issue(store, id.String(), part, who, inNameOf(who))
		if err != nil {
			return console.Carried{}, err
		}
		return console.Carried{Text: k.text, About: k.what, Part: k.part, Parts: k.parts, Bits: k.bits}, nil
	}
	if c.ReceiptKey == "" {
		return
	}
	desk.Receipt = func(who string, id quarantine.ID) (console.Carried, error) {
		st, err := store.Find(id)
		if err != nil {
			return console.Carried{}, err
		}
		code, proves, err := c.receipt(store, id, st)
		if err == nil {
			err = noteReceipt(store, id, st, who, code, inNameOf(who))
		}
		if err != nil {
			return console.Carried{}, err
		}
		return console.Carried{Text: code, About: proves, Bits: 8 * ticket.ReceiptSize}, nil
	}
}

// pack writes the evidence of a transfer.
func (c *config) pack(w io.Writer, store *quarantine.Store, id quarantine.ID) error {
	st, err := store.Find(id)
	if err == nil {
		_, err = c.writePack(w, store, id, st)
	}
	return err
}

// checkConsoleFiles reads the files that the console needs and opens nothing.
func (c *config) checkConsoleFiles(all *people.Registry) error {
	k := &c.Console
	if _, err := k.certificates(all); err != nil || k.Certificate == "" {
		return err
	}
	_, err := k.pair()
	return err
}

// pair reads the server's certificate and its key.
func (k *consoleConfig) pair() (tls.Certificate, error) {
	text, err := os.ReadFile(k.Certificate)
	if err == nil {
		if block, _ := pem.Decode(text); block == nil {
			err = fmt.Errorf("%s holds no certificate in PEM", k.Certificate)
		}
	}
	if err != nil {
		return tls.Certificate{}, conf.At("console.certificate", err)
	}
	pair, err := tls.LoadX509KeyPair(k.Certificate, k.CertificateKey)
	return pair, conf.At("console.certificate_key", err)
}

// writeConsole says where the console is.
func (c *config) writeConsole(w io.Writer, all *people.Registry) error {
	k := &c.Console
	if k.Listen == "" {
		return nil
	}
	clients, err := k.readClients(all)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "console %s, keys in %s\n", k.Listen, k.Keys); err != nil {
		return err
	}
	for _, one := range clients {
		sum, does := sha256.Sum256(one.certificate.Raw), "looks as "+one.person
		if wrong := one.wrong(time.Now()); wrong != "" {
			does = "of " + one.person + " is refused: it " + wrong
		}
		if _, err := fmt.Fprintf(w, "  certificate sha256:%s %s\n", hex.EncodeToString(sum[:]), does); err != nil {
			return err
		}
	}
	for _, p := range c.people {
		if _, err := os.Lstat(filepath.Join(k.Keys, p.Name()+".key")); errors.Is(err, os.ErrNotExist) {
			if _, err := fmt.Fprintf(w, "  %s can't log in: there is no %s.key\n", p.Name(), p.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}
