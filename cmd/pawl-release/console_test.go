package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/cmd/internal/daemon"
	"pawl/framing/merkle"
	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"

	"pawl/cmd/internal/keyfile"
)

// writeCertificate makes NAME.crt and NAME.key.
func writeCertificate(name string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(name+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
}

// TestConsoleReleases: the program as it is configured: a person logs in, approves, and the running daemon lets the transfer into the
// inbox without waiting for a rescan; evidence verifies, and what was carried is in the log.
func TestConsoleReleases(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sender := checktest.Key(t)
	auditKey, err := merkle.GenerateKey("example.org/high")
	must(err)
	receipt, err := seal.GenerateReceiptKey()
	must(err)
	alice, err := person.Generate("alice")
	must(err)
	locked, err := alice.Lock([]byte("correct horse"))
	must(err)
	at := func(name string) string { return filepath.Join(dir, name) }
	must(errors.Join(os.Mkdir(at("inbox"), 0o755), os.Mkdir(at("audit"), 0o700), os.Mkdir(at("keys"), 0o700),
		keyfile.SaveSender(at("sender.key"), sender, time.Unix(0, 0)), keyfile.SaveAudit(at("audit.key"), auditKey, time.Unix(0, 0)),
		keyfile.SaveReceipt(at("receipt.key"), receipt, time.Unix(0, 0)), os.WriteFile(at("keys/alice.key"), []byte(locked+"\n"), 0o600),
		os.WriteFile(at("people.toml"), []byte("[[person]]\nname = \"alice\"\nkey = \""+alice.Public().String()+"\"\nroles = [\"approver\", \"auditor\"]\n"), 0o600),
		os.WriteFile(at("c.toml"), []byte(strings.ReplaceAll(`quarantine = "$D/q"
sender = "$D/sender.key.pub"
people = "people.toml"
receipt_key = "$D/receipt.key"
rescan = "1h"
[audit]
folder = "$D/audit"
key = "$D/audit.key"
[console]
listen = "127.0.0.1:0"
keys = "keys"
[[channel]]
id = 1
name = "docs"
inbox = "$D/inbox"
release = "one"
`, "$D", dir)), 0o600)))
	loaded, err := frame().Load(at("c.toml"))
	must(err)
	core, err := open(loaded, daemon.Tools{Log: zap.NewNop(), Notice: func() string { return "" }})
	must(err)
	r := core.(*running)
	id := quarantine.ID{Channel: 1, Transfer: 7}
	from, err := r.store.Create(id)
	must(err)
	checktest.Build(t, id, sender, []checktest.Entry{{Path: "report.txt", Data: []byte("hello")}}).Write(t, from)
	must(r.store.Record(id, quarantine.Incoming, quarantine.Event{Who: "pawl-receive", From: quarantine.Incoming, To: quarantine.Complete}))
	must(r.store.Move(id, quarantine.Incoming, quarantine.Complete))
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- core.Run(ctx) }()
	close := sync.OnceFunc(func() {
		stop()
		must(<-ended)
		must(core.Close())
	})
	defer close()
	b := browser{t: t, base: "http://" + r.pages.server.Address().String() + "/api/v1"}
	b.log("alice", "correct horse")
	b.until(id, quarantine.Held)
	var d map[string]any
	b.get("/transfers/"+id.String(), &d)
	b.post("/transfers/"+id.String()+"/receipt", nil)
	b.post("/transfers/"+id.String()+"/decide", map[string]string{"action": "approve", "proof": d["proof"].(string), "verdicts": d["verdicts_sha256"].(string)})
	b.until(id, quarantine.Released)
	if data, err := os.ReadFile(at("inbox/report.txt")); err != nil || string(data) != "hello" {
		t.Errorf("inbox: %q, %v", data, err)
	}
	pack := b.raw("/transfers/" + id.String() + "/evidence")
	e, err := audit.VerifyPack(bytes.NewReader(pack), int64(len(pack)), auditKey.Public())
	if err != nil || e.Outcome != "released" {
		t.Errorf("evidence: %v", err)
	}
	var log struct{ Entries []struct{ By, Kind string } }
	b.get("/audit", &log)
	shown := false
	for _, e := range log.Entries {
		shown = shown || e.Kind == "shown" && e.By == "alice"
	}
	if !shown {
		t.Errorf("the log does not tell who was given the receipt code: %v", log)
	}
	b.client.CloseIdleConnections()
	close()
	// Who came is in the log before what they did, and that the program ended their session before its own stop.
	view, err := loaded.file.Audit.view()
	must(err)
	var order []string
	must(view.Entries(0, func(_ int64, data []byte) bool {
		e, err := audit.ParseEntry(data)
		must(err)
		switch {
		case e.Login != nil, e.Approval != nil, e.Logout != nil, e.Stop != nil:
			order = append(order, e.By+" "+e.Body().Kind())
		}
		return true
	}))
	if got := strings.Join(order, ", "); got != "alice login, alice approval, pawl-release logout, pawl-release stop" {
		t.Errorf("entered: %s", got)
	}
}

// TestConsoleHosts: on a loopback address without TLS the console answers to this machine's names and to the configured one; elsewhere to that alone, if there is one.
func TestConsoleHosts(t *testing.T) {
	pages := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, one := range []struct {
		network string
		k       consoleConfig
		asked   string
		code    int
	}{
		{"tcp", consoleConfig{}, "evil.example", 421}, {"tcp", consoleConfig{}, "localhost:8443", 200}, {"tcp", consoleConfig{}, "gateway.example", 421},
		{"tcp", consoleConfig{Host: "gateway.example"}, "gateway.example", 200}, {"tcp", consoleConfig{Host: "gateway.example"}, "evil.example", 421},
		{"tcp", consoleConfig{Certificate: "x"}, "gateway.example", 200}, {"unix", consoleConfig{}, "gateway.example", 200},
		{"unix", consoleConfig{Host: "gateway.example"}, "evil.example", 421}, {"tcp", consoleConfig{Certificate: "x", Host: "gateway.example"}, "evil.example", 421},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = one.asked
		w := httptest.NewRecorder()
		one.k.guarded(one.network, pages).ServeHTTP(w, r)
		if w.Code != one.code {
			t.Errorf("%s, %+v, asked for %q: %d, want %d", one.network, one.k, one.asked, w.Code, one.code)
		}
	}
}

// TestClientCertificatesHaveTimes: check-config says which certificates are refused.
func TestClientCertificatesHaveTimes(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	for want, span := range map[string][2]time.Duration{"": {-time.Hour, time.Hour}, "has expired at 2026-01-01T23:00:00Z": {-2 * time.Hour, -time.Hour},
		"is not valid before 2026-01-02T01:00:00Z": {time.Hour, 2 * time.Hour}} {
		one := client{"vera", &x509.Certificate{NotBefore: now.Add(span[0]), NotAfter: now.Add(span[1])}}
		if got := one.wrong(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestBurstIsWrittenAlike: an outage of milliseconds is no "0s".
func TestBurstIsWrittenAlike(t *testing.T) {
	var out strings.Builder
	showBeat(&out, &quarantine.Beat{BurstMS: 5})
	if !strings.Contains(out.String(), "outages of 5ms") {
		t.Error(out.String())
	}
}

// browser speaks the console's API.
type browser struct {
	t      *testing.T
	base   string
	csrf   string
	client *http.Client
}

func (b *browser) log(name, passphrase string) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client = &http.Client{Jar: jar, Transport: new(http.Transport)}
	var s struct{ CSRF string }
	if err := json.Unmarshal(b.post("/login", map[string]string{"name": name, "passphrase": passphrase}), &s); err != nil {
		b.t.Fatal(err)
	}
	b.csrf = s.CSRF
}

func (b *browser) do(req *http.Request, err error) []byte {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	w, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Body.Close()
	out := new(bytes.Buffer)
	if _, err := out.ReadFrom(w.Body); err != nil || w.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %d %s, %v", req.Method, req.URL, w.StatusCode, out, err)
	}
	return out.Bytes()
}

func (b *browser) raw(path string) []byte {
	b.t.Helper()
	return b.do(http.NewRequest("GET", b.base+path, nil))
}

func (b *browser) get(path string, into any) {
	b.t.Helper()
	if err := json.Unmarshal(b.raw(path), into); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) post(path string, fields map[string]string) []byte {
	b.t.Helper()
	data, err := json.Marshal(fields)
	if err != nil {
		b.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", b.base+path, bytes.NewReader(data))
	if err == nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Pawl-CSRF", b.csrf)
	}
	return b.do(req, err)
}

// until waits for a transfer's state, told of changes by the console's events.
func (b *browser) until(id quarantine.ID, want quarantine.State) {
	b.t.Helper()
	w, err := b.client.Get(strings.TrimSuffix(b.base, "/api/v1") + "/events")
	if err != nil {
		b.t.Fatal(err)
	}
	defer w.Body.Close()
	late := time.AfterFunc(time.Minute, func() { w.Body.Close() })
	defer late.Stop()
	one := make([]byte, 256)
	for {
		var d struct{ State quarantine.State }
		b.get("/transfers/"+id.String(), &d)
		if d.State == want {
			return
		}
		if _, err := w.Body.Read(one); err != nil {
			b.t.Fatalf("%s is %s, want %s: %v", id, d.State, want, err)
		}
	}
}
