package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/receiver/release/bucket"
)

// s3Table is a channel's bucket, in place of an inbox.
type s3Table struct {
	Endpoint    endpoint `toml:"endpoint"`    // https://host:port; http only to this machine
	Bucket      string   `toml:"bucket"`      // is there
	Prefix      string   `toml:"prefix"`      // begins every key; default none
	Region      string   `toml:"region"`      // default us-east-1
	Credentials string   `toml:"credentials"` // file, mode 0600: access key and secret key, a line each
	CA          string   `toml:"ca"`          // file of the authorities' certificates, PEM; default the system's
}

const defaultRegion = "us-east-1"

// endpoint is where a store answers.
type endpoint string

// UnmarshalText refuses what would send content in clear over a network.
func (e *endpoint) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("%.100q is not an endpoint: write \"https://s3.example.org\"", text)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%.100q would go over the network in clear: write https", text)
	}
	*e = endpoint(u.Scheme + "://" + u.Host)
	return nil
}

// check refuses what can't work; at is the key of the table. Paths are from the configuration's folder.
func (s *s3Table) check(at string, ch *channel) error {
	switch {
	case ch.Inbox != "":
		return conf.Wrong(at+".endpoint", "there is an inbox too: a channel goes to one of the two")
	case s.Endpoint == "":
		return conf.Wrong(at+".endpoint", "is missing: write \"https://s3.example.org\"")
	case s.Bucket == "":
		return conf.Wrong(at+".bucket", "is missing: write the name of a bucket that is there")
	case s.Prefix != "" && (!strings.HasSuffix(s.Prefix, "/") || strings.HasPrefix(s.Prefix, "/") || strings.Contains(s.Prefix, "//")):
		return conf.Wrong(at+".prefix", "%q does not end with one \"/\", or begins with one: write \"from-low/\"", s.Prefix)
	case s.Credentials == "":
		return conf.Wrong(at+".credentials", "is missing: write a file with the access key and the secret key, a line each")
	case ch.Collision != "":
		return conf.Wrong(at+".endpoint", "collision is for an inbox: in a bucket every transfer has a prefix of its own")
	case ch.Immutable != "":
		return conf.Wrong(at+".endpoint", "immutable is for an inbox: in a bucket use object lock")
	}
	if s.Region == "" {
		s.Region = defaultRegion
	}
	return nil
}

// open reads credentials and certificates, and asks nothing of the store.
func (s *s3Table) open(at string) (*bucket.Bucket, error) {
	to, err := url.Parse(string(s.Endpoint))
	if err != nil {
		return nil, conf.At(at+".endpoint", err)
	}
	c := bucket.Config{Endpoint: to, Bucket: s.Bucket, Prefix: s.Prefix, Region: s.Region}
	if c.Access, c.Secret, err = keyfile.Credentials(s.Credentials); err != nil {
		return nil, conf.At(at+".credentials", err)
	}
	if s.CA != "" {
		text, err := os.ReadFile(s.CA)
		if c.Roots = x509.NewCertPool(); err == nil && !c.Roots.AppendCertsFromPEM(text) {
			err = errors.New("has no certificate in PEM")
		}
		if err != nil {
			return nil, conf.Wrong(at+".ca", "%s: %w", s.CA, err)
		}
	}
	b, err := bucket.New(c)
	return b, conf.At(at+".bucket", err)
}

// place is where the channel's transfers go, for people.
func (ch *channel) place() string {
	if ch.S3 != nil {
		return "s3://" + ch.S3.Bucket + "/" + ch.S3.Prefix
	}
	return ch.Inbox
}
