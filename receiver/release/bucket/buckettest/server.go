// Package buckettest starts a real S3 server for tests: versitygw over a folder, with TLS on loopback.
package buckettest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pawl/receiver/release/bucket"
)

// program is the server; `make deps` builds it.
const program = "versitygw"

// Server is a running store.
type Server struct {
	Config bucket.Config // of an empty bucket
	Folder string        // where the bucket's objects lie as files
	CA     []byte        // PEM
}

// Start starts a server that ends with the test. Where it is not installed the test is skipped, with the reason; with CI=true it fails.
func Start(t testing.TB) *Server {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("no S3 server to release to: %v", err)
	}
	if err != nil {
		t.Skipf("no S3 server to release to: %v (make deps builds it: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0)", err)
	}
	dir := t.TempDir()
	s := &Server{Folder: filepath.Join(dir, "store", "pawl")}
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	cert, key := s.certificate(t, dir)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-p", address, "-a", "access", "-s", "secret", "--cert", cert, "--key", key, "-q", "posix", filepath.Dir(s.Folder))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s: %s", program, text)
		}
	})
	s.await(t, address, ended)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA)
	s.Config = bucket.Config{Endpoint: &url.URL{Scheme: "https", Host: address}, Bucket: "pawl", Region: "us-east-1", Access: "access", Secret: "secret", Roots: roots}
	return s
}

// await tries until the server answers.
func (s *Server) await(t testing.TB, address string, ended <-chan struct{}) {
	t.Helper()
	late := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("%s ended at once", program)
		case <-late:
			t.Fatalf("%s does not answer at %s", program, address)
		}
	}
}

func (s *Server) certificate(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pawl test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, data := range map[string][]byte{cert: s.CA, key: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
