package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/daemon/daemontest"
	"pawl/cmd/internal/keyfile"
	"pawl/receiver/check/checktest"
	"pawl/receiver/release"
)

// TestService runs the program as a service manager does: it says what sd_notify asks for, takes a new inbox by SIGHUP, and refuses
// what it can't take.
func TestService(t *testing.T) {
	dir := t.TempDir()
	if err := keyfile.SaveSender(filepath.Join(dir, "sender.key"), checktest.Key(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path, socket := filepath.Join(dir, "c.toml"), filepath.Join(dir, "m")
	base := "quarantine = \"q\"\nsender = \"sender.key.pub\"\n[audit]\noff = true\n[metrics]\nlisten = \"unix:" + socket + "\"\n[[channel]]\nid = 1\nname = \"a\"\nrelease = \"auto\"\ninbox = \"" + dir + "/one\"\n"
	daemontest.Write(t, path, base)
	d := daemontest.Start(t, dir, "pawl-release", "run", "-c", path)
	d.Hear("WATCHDOG=1")
	daemontest.Write(t, path, strings.Replace(base, "/one", "/two", 1))
	if said := d.Reload(); strings.Contains(said, "refused") {
		t.Error(said)
	}
	for text, want := range map[string]string{
		strings.Replace(base, `"q"`, `"other"`, 1):               "c.toml:1: quarantine: needs restart",
		strings.Replace(base, "auto", "maybe", 1):                "c.toml:10: channel.release: \"maybe\" is neither",
		strings.Replace(base, "sender.key.pub", "sender.key", 1): "c.toml:2: sender: ",
	} {
		daemontest.Write(t, path, text)
		if said := d.Reload(); !strings.Contains(said, "refused") || !strings.Contains(said, want) {
			t.Errorf("want %q: %s", want, said)
		}
	}
	d.Hear("WATCHDOG=1")
	if code, body := daemontest.Get(t, socket, "/healthz"); code != 200 || !strings.Contains(body, "refused") {
		t.Errorf("/healthz: %d %s", code, body)
	}
	if _, body := daemontest.Get(t, socket, "/metrics"); !strings.Contains(body, "pawl_release_transfers{state=\"held\"} 0\n") {
		t.Errorf("/metrics:\n%s", body)
	}
	d.Stop()
}

func TestAlive(t *testing.T) {
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const rescan = 30 * time.Second
	for name, c := range map[string]struct {
		opened time.Time
		s      release.Status
		ok     bool
	}{
		"just begun":     {ago(rescan + lookLimit), release.Status{}, true},
		"never looked":   {ago(rescan + lookLimit + 1), release.Status{}, false},
		"looks":          {ago(time.Hour), release.Status{Looked: ago(rescan + lookLimit)}, true},
		"looks no more":  {ago(time.Hour), release.Status{Looked: ago(rescan + lookLimit + 1)}, false},
		"large transfer": {ago(time.Hour), release.Status{Looked: now, Works: []release.Work{{Since: ago(2 * time.Hour), Moved: ago(2 * time.Hour), Content: 3600 * workRate}}}, true},
		"many files":     {ago(time.Hour), release.Status{Looked: now, Works: []release.Work{{Since: ago(100 * time.Hour), Moved: ago(time.Minute)}}}, true},
		"stuck transfer": {ago(time.Hour), release.Status{Looked: now, Works: []release.Work{{Moved: ago(time.Minute)}, {Moved: ago(2*time.Hour + 1), Content: 3600 * workRate}}}, false},
	} {
		if err := alive(now, c.opened, rescan, &c.s); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReloadKeys: what the page says of each key is what the program does.
func TestReloadKeys(t *testing.T) {
	conftest.Reload(t, "../../docs/operations.md", "pawl-release", conf.Keys(&config{}), frame().Locked)
}
