package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/daemon/daemontest"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
	"pawl/hw/confine"
	"pawl/hw/link"
	"pawl/receiver"
)

// freePort is a UDP port of the loopback that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// TestServiceLosesNothingByReloads runs the program as a service manager does and reloads it again and again while sealed packets come
// in: it says what sd_notify asks for, keeps the old configuration where it refuses the new one, and loses no packet.
func TestServiceLosesNothingByReloads(t *testing.T) {
	dir := keys(t)
	path, at, socket := filepath.Join(dir, "pawl-receive.toml"), freePort(t), filepath.Join(dir, "m")
	base := strings.Replace(doctorConfig, "10.77.0.2:4600", at, 1) + "[metrics]\nlisten = \"unix:" + socket + "\"\n"
	daemontest.Write(t, path, base)
	d := daemontest.Start(t, dir, "pawl-receive", "run", "-c", path)
	d.Hear("WATCHDOG=1")

	stop, sent := make(chan struct{}), make(chan uint64, 1)
	go func() { sent <- announceUntil(t, dir, at, stop) }()
	for i := range 20 {
		daemontest.Write(t, path, fmt.Sprintf("%s[[channel]]\nid = %d\nname = \"more\"\nquota = \"%dMiB\"\n", base, 2+i%3, 100+i))
		if said := d.Reload(); strings.Contains(said, "refused") {
			t.Fatal(said)
		}
		if i%5 == 0 {
			daemontest.Write(t, path, strings.Replace(base, "[link]", "[link]\nmtu = 9000", 1))
			if said := d.Reload(); !strings.Contains(said, "pawl-receive.toml:6: link.mtu: needs restart") {
				t.Errorf("a change of mtu: %s", said)
			}
			d.Hear("WATCHDOG=1") // and goes on
		}
	}
	daemontest.Write(t, path, strings.Replace(base, "quarantine", "quarantaine", 1))
	d.Reload()
	code, body := daemontest.Get(t, socket, "/healthz")
	if code != 200 || !strings.Contains(body, `pawl-receive.toml:1: quarantaine: unknown key, did you mean \"quarantine\"?`) {
		t.Errorf("/healthz: %d %s", code, body)
	}
	close(stop)
	packets := <-sent
	state := filepath.Join(dir, "s")
	s := await(t, state, func(s *receiver.Status) bool {
		return s.Ledger.Received.Packets >= packets && slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "quarantaine: unknown key") })
	})
	if s.Ledger.Received.Packets != packets || s.Ledger.Control.Packets != packets || s.PacketsLost != 0 || packets < 1000 {
		t.Errorf("%d packets sent: %+v, %d lost", packets, s.Ledger, s.PacketsLost)
	}
	if _, body := daemontest.Get(t, socket, "/metrics"); !strings.Contains(body, fmt.Sprintf("pawl_receive_received_packets_total %d\n", packets)) ||
		!strings.Contains(body, "pawl_receive_config_reloads_total 20\n") || !strings.Contains(body, "pawl_receive_config_refusals_total 5\n") {
		t.Errorf("/metrics:\n%s", body)
	}
	// Editors put another file in the place of the old one: it is below a folder that may be read all the same. A key elsewhere is not.
	daemontest.Write(t, path+".new", base+"[[channel]]\nid = 9\nname = \"edited\"\n")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if said := d.Reload(); strings.Contains(said, "refused") {
		t.Error(said)
	}
	if confine.Landlock() >= 2 {
		elsewhere := filepath.Join(t.TempDir(), "sender.key.pub")
		if err := os.Link(filepath.Join(dir, "sender.key.pub"), elsewhere); err != nil {
			t.Fatal(err)
		}
		daemontest.Write(t, path, strings.Replace(base, `sender = "sender.key.pub"`, `sender = "`+elsewhere+`"`, 1))
		if said := d.Reload(); !strings.Contains(said, "confined to the folders that were named at the start, so restart it") {
			t.Errorf("a key where it may not read: %s", said)
		}
	}
	if log := d.Stop(); strings.Count(log, "configuration refused: the one before stays") != 6 || !strings.Contains(log, "confined: no file can be opened") || strings.Count(log, "session opened") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// announceUntil sends announcements of one session at 50 Mbit/s until stop, at least 1000, and returns how many.
func announceUntil(t *testing.T, dir, at string, stop <-chan struct{}) (n uint64) {
	from, err := keyfile.SenderKey(filepath.Join(dir, "sender.key"))
	if err != nil {
		t.Error(err)
		return 0
	}
	to, err := keyfile.ReceiverPublic(filepath.Join(dir, "receiver.key.pub"))
	if err != nil {
		t.Error(err)
		return 0
	}
	sealer, err := seal.NewSealer(seal.ModeAESGCM, from, to, 7, 0)
	if err != nil {
		t.Error(err)
		return 0
	}
	const size = 1472 // of MTU 1500
	w, err := link.Dial(link.WriterConfig{Remote: at, DatagramSize: size})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = w.Close() }()
	pacer := link.NewPacer(50e6, 0)
	batch := make([]byte, 8*size)
	for {
		select {
		case <-stop:
			if n >= 1000 {
				return n
			}
		default:
		}
		for i := range 8 {
			sealer.Announce(batch[i*size:(i+1)*size], n, 0)
			n++
		}
		pacer.Wait(len(batch))
		if _, err := w.Write(batch); err != nil {
			t.Error(err)
			return n
		}
	}
}

// TestReloadRefusesOtherKeys: key files that were replaced under their names are for a restart, too.
func TestReloadRefusesOtherKeys(t *testing.T) {
	dir := keys(t)
	path := filepath.Join(dir, "pawl-receive.toml")
	daemontest.Write(t, path, strings.Replace(doctorConfig, "10.77.0.2:4600", freePort(t), 1))
	d := daemontest.Start(t, dir, "pawl-receive", "run", "-c", path)
	other := keys(t)
	for _, name := range []string{"sender.key.pub", "receiver.key"} {
		old := filepath.Join(dir, name)
		for _, move := range [][2]string{{old, old + ".old"}, {filepath.Join(other, name), old}} {
			if err := os.Rename(move[0], move[1]); err != nil {
				t.Fatal(err)
			}
		}
		if said := d.Reload(); !strings.Contains(said, "needs restart") || !strings.Contains(said, name+" holds another key") {
			t.Errorf("%s: %s", name, said)
		}
		if err := os.Rename(old+".old", old); err != nil {
			t.Fatal(err)
		}
	}
	d.Stop()
}

func TestAlive(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		opened, last time.Duration // ago
		ok           bool
	}{
		{time.Hour, time.Second, true}, {time.Hour, ingestLimit, true}, {time.Hour, ingestLimit + 1, false},
		{resumeLimit, -1, true}, {resumeLimit + 1, -1, false},
	} {
		var last time.Time
		if c.last >= 0 {
			last = now.Add(-c.last)
		}
		if err := alive(now, now.Add(-c.opened), last); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestReloadKeys: what the page says of each key is what the program does.
func TestReloadKeys(t *testing.T) {
	f := frame("", held{})
	conftest.Reload(t, "../../docs/operations.md", "pawl-receive", conf.Keys(&config{}), f.Locked)
}
