package sender

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pawl/hw/link"
)

// socketDaemon runs a sender in real time with a socket, which is there when New returns.
func socketDaemon(t *testing.T) (*daemon, string) {
	t.Helper()
	dir := t.TempDir()
	cfg := testConfig(dir, newCatcher(t))
	cfg.Socket = filepath.Join(dir, "s")
	cfg.Pacer = link.NewPacer(0, 0)
	cfg.Channels = append(cfg.Channels, Channel{ID: 8, Name: "logs", Folder: filepath.Join(dir, "logs")})
	return start(t, cfg), cfg.Socket
}

func TestSubmit(t *testing.T) {
	d, socket := socketDaemon(t)
	defer d.stop()
	if mode := must(os.Stat(socket))(t).Mode(); mode.Perm() != 0o600 {
		t.Errorf("socket has mode %v", mode)
	}
	source := t.TempDir()
	plant(t, source, map[string]string{"tree/a": noise(1, 2_000_000), "tree/b": "", "bad\x01name": "x"})
	good, bad := filepath.Join(source, "tree"), filepath.Join(source, "bad\x01name")
	last := map[string]Progress{}
	err := Submit(t.Context(), socket, Request{Channel: "logs", Paths: []string{good, bad}, Wait: true}, func(p Progress) {
		if before := last[p.Source]; before.State.Final() {
			t.Errorf("%+v after %+v", p, before)
		}
		last[p.Source] = p
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := last[good]; p.State != StateSent || p.Bytes != 2_000_000 || p.Total != 2_000_000 || p.Passes != 1 || !strings.HasPrefix(p.ID, "8-") {
		t.Errorf("good path: %+v", p)
	}
	if p := last[bad]; p.State != StateRefused || !strings.Contains(p.Error, "name") {
		t.Errorf("bad path: %+v", p)
	}
	if _, err := os.Stat(filepath.Join(good, "a")); err != nil {
		t.Errorf("a submitted path was moved: %v", err)
	}
	st, err := AskStatus(t.Context(), socket)
	if err != nil || st.Sent != 1 || st.Refused != 1 || st.Bytes != 2_000_000 || st.Session == 0 || st.Seal != "aes-256-gcm" {
		t.Errorf("status %+v, %v", st, err)
	}
}

// TestSubmitRefuses sends requests that cannot be served.
func TestSubmitRefuses(t *testing.T) {
	d, socket := socketDaemon(t)
	defer d.stop()
	for text, want := range map[string]string{
		`{"op":"submit","channel":"none","paths":["/a"]}`: `no channel "none"`,
		`{"op":"submit","paths":["/a"]}`:                  "no channel",
		`{"op":"submit","channel":"docs"}`:                "0 paths",
		`{"op":"submit","channel":"7","paths":["rel"]}`:   "not the absolute path",
		`{"op":"sing"}`: `no operation "sing"`,
		`not json`:      "no JSON of ours",
	} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(conn, text)
		line, err := bufio.NewReader(conn).ReadBytes('\n')
		var p Progress
		if e := json.Unmarshal(line, &p); err != nil || e != nil || !strings.Contains(p.Error, want) {
			t.Errorf("%s: answer %s, %v, %v", text, line, err, e)
		}
		conn.Close()
	}
	if err := Submit(t.Context(), socket, Request{Channel: "none", Paths: []string{"/a"}}, nil); !errors.Is(err, ErrDaemon) {
		t.Errorf("submit to no channel: %v", err)
	}
}

// TestTooManyClients lets go of clients above the bound at once.
func TestTooManyClients(t *testing.T) {
	d, socket := socketDaemon(t)
	defer d.stop()
	var idle []net.Conn
	defer func() {
		for _, c := range idle {
			c.Close()
		}
	}()
	for range maxClients {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	if _, err := AskStatus(t.Context(), socket); err == nil {
		t.Error("one client too many was served")
	}
}
