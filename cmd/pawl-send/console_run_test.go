package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/daemon/daemontest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/seal"
	"pawl/hw/confine"
)

// lowSide is a folder with a configuration: two channels, of which one waits for markers, and a link of 4 Mbit/s to somewhere.
type lowSide struct {
	t       *testing.T
	dir     string
	path    string // of the configuration
	base    string // of the console
	console *exec.Cmd
}

const lowConfig = `state = "s"
key = "sender.key"
seal = "none"
[link]
remote = "%s"
rate = "4Mbit/s"
memory = "1MiB"
[console]
listen = "%s"
[[channel]]
id = 1
name = "docs"
folder = "docs"
quiet = "100ms"
[[channel]]
id = 2
name = "logs"
folder = "logs"
complete = "ready"
max_file = "1KiB"
`

func newLowSide(t *testing.T, listen, more string) *lowSide {
	t.Helper()
	dir, err := os.MkdirTemp("", "low") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	key, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveSender(filepath.Join(dir, "sender.key"), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	diode, err := net.ListenPacket("udp", "127.0.0.1:0") // nobody reads: what is too much is dropped
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { diode.Close() })
	l := &lowSide{t: t, dir: dir, path: filepath.Join(dir, "c.toml")}
	daemontest.Write(t, l.path, strings.Replace(fmt.Sprintf(lowConfig, diode.LocalAddr(), listen), "\n[[channel]]", "\n"+more+"[[channel]]", 1))
	return l
}

// run starts pawl-send run.
func (l *lowSide) run() *daemontest.Daemon {
	return daemontest.Start(l.t, l.dir, "pawl-send", "run", "-c", l.path)
}

var servedAt = regexp.MustCompile(`console is served\s.*"listen": "([^"]+)"`)

// look starts pawl-send console and waits until it serves; what it logged until then comes back.
func (l *lowSide) look() (log string) {
	l.t.Helper()
	l.console = exec.Command("pawl-send", "console", "-c", l.path)
	l.console.Dir = l.dir
	l.console.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	out, err := l.console.StderrPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := l.console.Start(); err != nil {
		l.t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = l.console.Process.Kill() })
	defer late.Stop()
	l.t.Cleanup(func() {
		_ = l.console.Process.Kill()
		_ = l.console.Wait() // was done before where the test went well
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		log += lines.Text() + "\n"
		if m := servedAt.FindStringSubmatch(lines.Text()); m != nil {
			l.base = "http://" + m[1]
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the program
			return log
		}
	}
	l.t.Fatalf("the console does not serve:\n%s", log)
	return ""
}

// drop writes files elsewhere and moves them into the outbox of a channel.
func (l *lowSide) drop(channel string, files map[string]string) {
	l.t.Helper()
	for name, text := range files {
		daemontest.Write(l.t, filepath.Join(l.dir, "new"), text)
		if err := os.Rename(filepath.Join(l.dir, "new"), filepath.Join(l.dir, channel, "outbox", name)); err != nil {
			l.t.Fatal(err)
		}
	}
}

// read asks the API.
func (l *lowSide) read(client *http.Client, path string, into any) {
	l.t.Helper()
	w, err := client.Get(l.base + "/api/v1" + path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer w.Body.Close()
	if err := json.NewDecoder(w.Body).Decode(into); err != nil || w.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %d, %v", path, w.StatusCode, err)
	}
}

// TestConsoleLooks runs both programs: what was dropped is seen in outbox, history and of the transfer, the console goes on while the daemon is away, and it
// says that it is confined where it can be.
func TestConsoleLooks(t *testing.T) {
	l := newLowSide(t, "127.0.0.1:0", "")
	d := l.run()
	if log := l.look(); strings.Contains(log, "confined: it can open") != (confine.Landlock() > 0) {
		t.Errorf("with Landlock %d: %s", confine.Landlock(), log)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	const odd = "odd <b>&amp; name"
	l.drop("docs", map[string]string{odd: "content"})
	l.drop("logs", map[string]string{"half": "no marker", "large": strings.Repeat("x", 2048)})
	l.drop("logs", map[string]string{"large.ready": ""})
	waitFor(t, filepath.Join(l.dir, "docs/sent"), "the odd file", func() bool { return len(names(t, filepath.Join(l.dir, "docs/sent/*/odd*"))) == 1 })
	waitFor(t, filepath.Join(l.dir, "logs/refused"), "the large file", func() bool { return len(names(t, filepath.Join(l.dir, "logs/refused/2-*"))) == 1 })
	id := names(t, filepath.Join(l.dir, "docs/sent/1-*"))[0]
	var seen struct {
		Running  bool
		Now      struct{ State string }
		Proof    string
		Name     string
		Outboxes []struct {
			Left    []struct{ Name, Why string }
			Refused []struct{ Reason string }
		}
		Entries []struct{ Event, Transfer, Name string }
	}
	l.read(client, "/transfers/"+id, &seen)
	if seen.Now.State != "sent" || len(seen.Proof) != 64 || seen.Name != odd {
		t.Errorf("transfer: %+v", seen)
	}
	l.read(client, "/outbox?channel=logs", &seen)
	if o := seen.Outboxes; len(o) != 1 || len(o[0].Refused) != 1 || !strings.Contains(o[0].Refused[0].Reason, "1024") {
		t.Errorf("outbox: %+v", o)
	}
	if said := d.Stop(); said == "" { // what waits of the audit log is on disk then
		t.Error("the daemon said nothing")
	}
	l.read(client, "/history?q=odd&event=sent", &seen)
	if len(seen.Entries) != 1 || seen.Entries[0].Transfer != id || seen.Entries[0].Name != odd {
		t.Errorf("history: %+v", seen.Entries)
	}
	for range events(t, client, l.base) { // until the console has found out
		if l.read(client, "/overview", &seen); !seen.Running {
			break
		}
	}
	if seen.Running {
		t.Error("the daemon is away, and the console does not say so")
	}
	d = l.run()
	for range events(t, client, l.base) {
		if l.read(client, "/overview", &seen); seen.Running {
			break
		}
	}
	d.Stop()
	if err := l.console.Process.Signal(cli.Terminate); err != nil {
		t.Fatal(err)
	}
	if err := l.console.Wait(); err != nil {
		t.Errorf("the console ended with %v", err)
	}
}

// events gives the console's news, for a minute at most.
func events(t *testing.T, client *http.Client, base string) func(func(string) bool) {
	return func(yield func(string) bool) {
		w, err := client.Get(base + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		lines := bufio.NewScanner(w.Body)
		for lines.Scan() {
			if topic, ok := strings.CutPrefix(lines.Text(), "event: "); ok && !yield(topic) {
				return
			}
		}
	}
}

// TestConsoleNeeds: what is not there is said with what to do.
func TestConsoleNeeds(t *testing.T) {
	l := newLowSide(t, "", "")
	out, err := exec.Command("pawl-send", "console", "-c", l.path).CombinedOutput()
	if err == nil || !strings.Contains(string(out), `no [console] is configured: write where it is served`) {
		t.Errorf("%v: %s", err, out)
	}
	// A secret key where the console reads: it does not start.
	if confine.Landlock() == 0 {
		return
	}
	l = newLowSide(t, "127.0.0.1:0", "[audit]\nfolder = \"s\"\nkey = \"s/audit.key\"\n")
	if err := os.Mkdir(filepath.Join(l.dir, "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := merkle.GenerateKey("example.org/low")
	if err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveAudit(filepath.Join(l.dir, "s/audit.key"), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("pawl-send", "console", "-c", l.path)
	cmd.Dir = l.dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "s/audit.key is within the console's reach") {
		t.Errorf("%v: %s", err, out)
	}
}
