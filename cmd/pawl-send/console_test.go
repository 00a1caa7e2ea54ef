package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// certificate makes one for this machine, and its key, in PEM.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// TestConsoleAddresses: who is on this machine may look, others need certificates of both kinds.
func TestConsoleAddresses(t *testing.T) {
	all := consoleConfig{Certificate: "c", CertificateKey: "k", Clients: []string{"v"}}
	server := consoleConfig{Certificate: "c", CertificateKey: "k"}
	for _, one := range []struct {
		at   string
		with consoleConfig
		want string
	}{
		{"", consoleConfig{}, ""}, {"127.0.0.1:8444", consoleConfig{}, ""}, {"[::1]:8444", consoleConfig{}, ""}, {"unix:/run/x", consoleConfig{}, ""},
		{"127.0.0.1:8444", server, ""}, {"127.0.0.1:8444", all, ""}, {"10.0.0.1:8444", all, ""}, {"0.0.0.0:8444", all, ""}, {"[::ffff:127.0.0.1]:80", consoleConfig{}, ""},
		{"10.0.0.1:8444", consoleConfig{}, "write certificate, certificate_key and clients"}, {"0.0.0.0:8444", server, "asks nobody for a passphrase"}, {"[::]:8444", server, "reached from outside"},
		{"127.0.0.1:8444", consoleConfig{Clients: []string{"v"}}, "by TLS only"}, {"localhost:8444", all, "not an address with a port"}, {":8444", all, "not an address with a port"},
		{"unix:/run/x", all, "needs no certificates"},
	} {
		one.with.Listen = one.at
		if err := one.with.check(); (err == nil) != (one.want == "") || err != nil && !strings.Contains(err.Error(), one.want) {
			t.Errorf("%q with %+v: %v, want %q", one.at, one.with, err, one.want)
		}
	}
}
