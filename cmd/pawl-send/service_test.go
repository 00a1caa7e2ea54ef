package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/daemon/daemontest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
	"pawl/hw/watch"
	"pawl/sender"
)

const serviceConfig = `state = "s"
key = "sender.key"
seal = "none"
[link]
remote = "127.0.0.1:9"
rate = "200Mbit/s"
[metrics]
listen = "unix:%s"
[[channel]]
id = 1
name = "docs"
folder = "docs"
quiet = "100ms"
`

// waitFor looks at each news of a folder until want is true.
func waitFor(t *testing.T, folder, what string, want func() bool) {
	t.Helper()
	news, err := watch.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer news.Close()
	late := time.AfterFunc(time.Minute, func() { news.Close() })
	defer late.Stop()
	for !want() {
		if _, err := news.Next(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// names are the entries below a pattern.
func names(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = filepath.Base(all[i])
	}
	return all
}

// TestServiceLosesNothingByReloads runs the program as a service manager does, and reloads it with changed channels and rates while
// it sends: it says what sd_notify asks for, and everything that was dropped is sent in the end, once.
func TestServiceLosesNothingByReloads(t *testing.T) {
	dir := t.TempDir()
	key, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := keyfile.SaveSender(filepath.Join(dir, "sender.key"), key, time.Now()); err != nil {
		t.Fatal(err)
	}
	path, socket, outbox := filepath.Join(dir, "c.toml"), filepath.Join(dir, "m"), filepath.Join(dir, "docs/outbox")
	base := fmt.Sprintf(serviceConfig, socket)
	daemontest.Write(t, path, base)
	d := daemontest.Start(t, dir, "pawl-send", "run", "-c", path)
	d.Hear("WATCHDOG=1")
	const files = 8
	for i := range files {
		name := filepath.Join(dir, fmt.Sprintf("file%d", i))
		daemontest.Write(t, name, strings.Repeat(fmt.Sprintf("%07d\n", i), 1<<17)) // 1 MiB, 40 ms on the link
		if err := os.Rename(name, filepath.Join(outbox, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(base, "200Mbit/s", fmt.Sprintf("%dMbit/s", 200+i), 1)
		if i%2 == 1 {
			text += "[[channel]]\nid = 2\nname = \"more\"\nfolder = \"more\"\nquiet = \"100ms\"\n"
		}
		daemontest.Write(t, path, text)
		if said := d.Reload(); strings.Contains(said, "refused") {
			t.Fatal(said)
		}
	}
	// The channel that is there since the last reload takes what is dropped.
	daemontest.Write(t, filepath.Join(dir, "more/outbox/late"), "late")
	waitFor(t, filepath.Join(dir, "more/sent"), "the new channel's file", func() bool { return len(names(t, filepath.Join(dir, "more/sent/*/late"))) == 1 })
	waitFor(t, filepath.Join(dir, "docs/sent"), "all files", func() bool { return len(names(t, filepath.Join(dir, "docs/sent/*/file*"))) == files })
	if left := append(names(t, filepath.Join(outbox, "*")), names(t, filepath.Join(dir, "docs/refused/*"))...); len(left) > 0 {
		t.Errorf("left: %q", left)
	}

	// What is refused leaves the sender as it was, and its status says so.
	for text, want := range map[string]string{
		strings.Replace(base, `"s"`, `"other"`, 1):                               "c.toml:1: state: needs restart",
		strings.Replace(base, "id = 1", "id = 70000", 1):                         "c.toml:10: channel.id: 70000 is not in 1 to 65535",
		strings.Replace(base, `"docs"`+"\nquiet", `"sender.key/x"`+"\nquiet", 1): "not a directory",
	} {
		daemontest.Write(t, path, text)
		if said := d.Reload(); !strings.Contains(said, "refused") || !strings.Contains(said, want) {
			t.Errorf("want %q: %s", want, said)
		}
		s, err := sender.AskStatus(t.Context(), filepath.Join(dir, "s/pawl-send.sock"))
		if err != nil || !strings.Contains(s.Warning, want) {
			t.Errorf("status: %q, %v", s.Warning, err)
		}
	}
	d.Hear("WATCHDOG=1")
	if code, body := daemontest.Get(t, socket, "/healthz"); code != 200 || !strings.Contains(body, "refused") {
		t.Errorf("/healthz: %d %s", code, body)
	}
	if _, body := daemontest.Get(t, socket, "/metrics"); !strings.Contains(body, "pawl_send_config_reloads_total 8\n") || !strings.Contains(body, "pawl_send_healthy 1\n") {
		t.Errorf("/metrics:\n%s", body)
	}
	d.Stop()
}

// TestProbe: a sender that stands still is found out, one that is idle, slow or waits for its link is not.
func TestProbe(t *testing.T) {
	now := time.Now()
	at := func(d time.Duration) time.Time { return now.Add(d) }
	sending := func(bytes uint64) []sender.TransferStatus {
		return []sender.TransferStatus{{ID: "1-1", State: sender.StateSending, Bytes: bytes}, {ID: "1-2", State: sender.StateQueued, Bytes: 7}}
	}
	limit := passLimit + 4*time.Minute // which the groups under way take at this rate
	rate := uint64(groupsUnderWay * groupSize * 8 / 240)
	for name, steps := range map[string][]struct {
		at   time.Duration
		s    sender.Status
		want string
	}{
		"idle": {{0, sender.Status{Packets: 1}, ""}, {time.Hour, sender.Status{Packets: 2}, ""}},
		"line stands still": {{0, sender.Status{Packets: 1}, ""}, {lineLimit, sender.Status{Packets: 1}, ""},
			{lineLimit + time.Second, sender.Status{Packets: 1}, "link 0: no packet"}, {lineLimit + 2*time.Second, sender.Status{Packets: 2}, ""}},
		"link refuses": {{0, sender.Status{Retries: 1, LinkFault: "down", Transfers: sending(1)}, ""}, {time.Hour, sender.Status{Retries: 2, LinkFault: "down", Transfers: sending(1)}, ""}},
		"one of several": {{0, sender.Status{Links: []sender.LinkStatus{{Link: 0, Packets: 1}, {Link: 1, Packets: 1}}}, ""},
			{lineLimit + time.Second, sender.Status{Links: []sender.LinkStatus{{Link: 0, Packets: 2}, {Link: 1, Packets: 1}}}, "link 1: no packet"}},
		"pass stands still": {{0, sender.Status{Rate: rate, Packets: 1, Transfers: sending(1)}, ""}, {limit - time.Second, sender.Status{Rate: rate, Packets: 2, Transfers: sending(1)}, ""},
			{limit + time.Second, sender.Status{Rate: rate, Packets: 3, Transfers: sending(1)}, "nothing of them has left"}, {limit + 2*time.Second, sender.Status{Rate: rate, Packets: 4, Transfers: sending(2)}, ""}},
	} {
		var p probe
		for i, step := range steps {
			err := p.judge(at(step.at), &step.s)
			if (err == nil) != (step.want == "") || err != nil && !strings.Contains(err.Error(), step.want) {
				t.Errorf("%s, step %d: %v, want %q", name, i, err, step.want)
			}
		}
	}
}

// TestReloadKeys: what the page says of each key is what the program does.
func TestReloadKeys(t *testing.T) {
	conftest.Reload(t, "../../docs/operations.md", "pawl-send", conf.Keys(&config{}), frame().Locked)
}
