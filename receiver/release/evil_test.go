package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"

	"pawl/receiver/check"
	"pawl/receiver/quarantine"
)

// The hidden commands of this test program: a checker, and two that are sick.
const (
	checkerCommand = "confined-checker"
	crashCommand   = "checker-crashes"
	hangCommand    = "checker-hangs"
)

// asChecker serves as a confined child, if that is what this process is.
func asChecker() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case checkerCommand:
		os.Exit(check.RunChecker(checkerCommand, os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	case crashCommand:
		panic("a bug in a parser")
	case hangCommand:
		time.Sleep(time.Hour)
	}
}

// eicar is the harmless file that every scanner takes for a virus; it is not written whole here, or scanners would take this file away.
var eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

func zipped(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func tarGz(t *testing.T, name, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))})
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err = errors.Join(err, w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// publisher signs as minisign does.
type publisher struct {
	id  [8]byte
	key ed25519.PrivateKey
}

func newPublisher(t testing.TB) publisher {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := publisher{key: key}
	copy(p.id[:], key[32:])
	return p
}

func (p publisher) public(t testing.TB) check.MinisignKey {
	t.Helper()
	var k check.MinisignKey
	raw := append(append([]byte("Ed"), p.id[:]...), p.key.Public().(ed25519.PublicKey)...)
	if err := k.UnmarshalText([]byte(base64.StdEncoding.EncodeToString(raw))); err != nil {
		t.Fatal(err)
	}
	return k
}

func (p publisher) sign(text string) string {
	sum := blake2b.Sum512([]byte(text))
	sig := ed25519.Sign(p.key, sum[:])
	const comment = "timestamp:1\tfile:x"
	global := ed25519.Sign(p.key, append(bytes.Clone(sig), comment...))
	enc := base64.StdEncoding.EncodeToString
	return "untrusted comment: x\n" + enc(append(append([]byte("ED"), p.id[:]...), sig...)) + "\ntrusted comment: " + comment + "\n" + enc(global) + "\n"
}

// startClamd runs a real daemon with one signature, that of EICAR, and gives its socket and its process.
func startClamd(t testing.TB) (socket string, pid int) {
	t.Helper()
	program, err := exec.LookPath("clamd")
	if err != nil {
		if program = "/usr/sbin/clamd"; os.Getenv("CI") == "true" {
			_, err = os.Stat(program)
		} else if _, there := os.Stat(program); there != nil {
			t.Skip("clamd is not installed: make deps")
		} else {
			err = nil
		}
	}
	if err != nil {
		t.Fatal("clamd is not installed")
	}
	dir := t.TempDir()
	db := filepath.Join(dir, "db")
	socket = filepath.Join(dir, "s")
	conf := filepath.Join(dir, "clamd.conf")
	// name:type (0 is any):offset (0 is the beginning):hexadecimal
	signature := "Eicar-Test:0:*:" + hex.EncodeToString([]byte(eicar)) + "\n"
	text := "Foreground yes\nDatabaseDirectory " + db + "\nLocalSocket " + socket + "\nLogFile " + filepath.Join(dir, "log") + "\nAlertExceedsMax yes\nStreamMaxLength 1000M\nMaxScanSize 1000M\nMaxFileSize 1000M\nDisableCache yes\nTemporaryDirectory " + dir + "\n"
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(db, 0o755), os.WriteFile(filepath.Join(db, "own.ndb"), []byte(signature), 0o644), os.WriteFile(conf, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, "--config-file="+conf)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return socket, cmd.Process.Pid
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("clamd: %v: %s", err, said.String())
		case <-ctx.Done():
			t.Fatalf("clamd does not come up: %s", said.String())
		case <-tick.C:
		}
	}
}

func rule(onFail quarantine.State) check.Rule {
	return check.Rule{OnFail: onFail, Timeout: 30 * time.Second, Memory: 256 << 20}
}
