package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/seal"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"

	"go.uber.org/zap"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pawl-audit": main})
}

// made is what each script finds: a log with a released transfer, its evidence, and copies of the log that were tampered with.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, sender := merkletest.Key(t, "example.org/pawl/high"), checktest.Key(t)
	other := merkletest.Key(t, "example.org/pawl/high")
	must(t, keyfile.SaveAudit(filepath.Join(dir, "audit.key"), key, time.Unix(0, 0)))
	must(t, keyfile.SaveAudit(filepath.Join(dir, "other.key"), other, time.Unix(0, 0)))
	must(t, keyfile.SaveSender(filepath.Join(dir, "sender.key"), sender, time.Unix(0, 0)))
	must(t, keyfile.SaveSender(filepath.Join(dir, "stranger.key"), checktest.Key(t), time.Unix(0, 0)))

	makeLow(t, dir)
	log := begin(t, filepath.Join(dir, "log"), key)
	enter(t, log, &audit.Start{Program: "pawl-release", Version: "v1"}, &audit.Start{Program: "pawl-release", Version: "v1"})
	keep(t, dir, "log", "kept.early")
	must(t, os.CopyFS(filepath.Join(dir, "older"), os.DirFS(filepath.Join(dir, "log"))))
	objects := through(t, dir, log, sender)
	id := quarantine.ID{Channel: 1, Transfer: 7}.String()
	enter(t, log, &audit.Ticket{Transfer: id, Bits: 40, Text: "ABCDE"}, &audit.Shown{Transfer: id, Bits: 20, Code: "ABC"},
		&audit.State{Transfer: "1-0000000000000008", From: "checking", To: "rejected", Reason: "evil \x1b[2J\u202e <script>"},
		&audit.Witness{Size: 2, Root: lowRoot(t, dir, 2)},
		&audit.Ledger{Day: "2026-11-01", Received: 100, Delivered: 90, Rejected: map[string]uint64{"auth": 10}},
		&audit.Ledger{Day: "2026-11-02", Received: 101, Delivered: 90, Rejected: map[string]uint64{"auth": 10}, Off: 1},
		&audit.Refused{Who: "alice", Tries: 7, From: []string{"192.0.2.9"}, Since: time.Unix(0, 0).UTC()}, &audit.Refused{Tries: 40, Early: 30, From: []string{"\x1b[2J"}, Since: time.Unix(0, 0).UTC()},
		&audit.Login{Who: "alice", From: "192.0.2.7", How: audit.ByPassphrase, Session: "00112233445566aa"}, &audit.Login{Who: "vera", From: "192.0.2.8", How: audit.ByCertificate},
		&audit.Logout{Who: "alice", Session: "00112233445566aa", Reason: "idle"})
	keep(t, dir, "log", "kept.late")
	copied := func(name string) string {
		must(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(dir, "log"))))
		return filepath.Join(dir, name)
	}
	makeSigned(t, dir, key, sender)
	view, err := merkle.OpenView(os.DirFS(filepath.Join(dir, "log")), key.Public())
	must(t, err)
	var pack bytes.Buffer
	_, err = audit.WritePack(&pack, view, key, sender.Public(), id, objects)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "evidence.zip"), pack.Bytes(), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "cut.zip"), pack.Bytes()[:pack.Len()-40], 0o600))

	// The tampered ones.
	edited, err := filepath.Glob(filepath.Join(copied("edited"), "tile/entries/000.p/*"))
	if err != nil || len(edited) != 1 {
		t.Fatal(edited, err)
	}
	data, err := os.ReadFile(edited[0])
	must(t, err)
	must(t, os.WriteFile(edited[0], bytes.Replace(data, []byte("rejected"), []byte("released"), 1), 0o600))
	must(t, os.RemoveAll(filepath.Join(copied("truncated"), "tile/entries")))
	forked := begin(t, filepath.Join(dir, "forked"), key)
	for range 20 {
		enter(t, forked, &audit.Start{Program: "another", Version: "v1"})
	}
	enter(t, begin(t, filepath.Join(dir, "short"), key), &audit.Start{Program: "pawl-release", Version: "v1"})
	// The log as it was early, in whose folder the tiles of now were left.
	must(t, os.CopyFS(filepath.Join(dir, "leftover"), os.DirFS(filepath.Join(dir, "older"))))
	must(t, os.CopyFS(filepath.Join(dir, "leftover", "tile"), os.DirFS(filepath.Join(dir, "log", "tile"))))
	enter(t, begin(t, filepath.Join(dir, "resigned"), other), &audit.Start{Program: "pawl-release", Version: "v1"})
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, path string, key *merkle.Key) *audit.Log {
	t.Helper()
	must(t, os.Mkdir(path, 0o700))
	folder, err := disk.OpenFolder(path)
	must(t, err)
	t.Cleanup(func() { folder.Close() })
	log, _, err := audit.Open(folder, key, func() time.Time { return time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC) })
	must(t, err)
	return log
}

func enter(t *testing.T, log *audit.Log, bodies ...audit.Body) {
	t.Helper()
	for _, body := range bodies {
		_, err := log.Append("test", body)
		must(t, err)
	}
}

func keep(t *testing.T, dir, log, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, log, "checkpoint"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
}

// through lets a transfer through a real gate and gives its objects.
func through(t *testing.T, dir string, log *audit.Log, sender *seal.SenderKey) audit.Objects {
	t.Helper()
	id := quarantine.ID{Channel: 1, Transfer: 7}
	store, err := quarantine.Open(filepath.Join(dir, "quarantine"))
	must(t, err)
	inbox := filepath.Join(dir, "inbox")
	must(t, os.Mkdir(inbox, 0o755))
	gate := release.NewGate(store, sender.Public(), []release.Channel{{ID: 1, Name: "one", Inbox: inbox, Release: release.Auto}}, "pawl-release", zap.NewNop())
	gate.Audit(log)
	checktest.Build(t, id, sender, checktest.Tree()).Write(t, store.Dir(quarantine.Complete, id))
	if st, err := gate.Run(t.Context(), id, quarantine.Complete); err != nil || st != quarantine.Released {
		t.Fatal(st, err)
	}
	objects := audit.Objects{}
	for _, name := range []string{audit.PackPlan, audit.PackProof, audit.PackVerdict} {
		objects[name], err = os.ReadFile(filepath.Join(store.Dir(quarantine.Released, id), name))
		must(t, err)
	}
	return objects
}

func TestScripts(t *testing.T) {
	dir := made(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's runtime sleeps at each exit otherwise
			return errors.Join(fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil || name == "." {
					return err
				}
				to := filepath.Join(env.WorkDir, name)
				if d.IsDir() {
					return os.Mkdir(to, 0o700)
				}
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					return fmt.Errorf("copy: %w", err)
				}
				return os.WriteFile(to, data, 0o600)
			}))
		},
	})
}

// TestHelpHasExamples: every command shows how it is used.
func TestHelpHasExamples(t *testing.T) {
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		seen++
		if c.Example == "" || c.Short == "" || c.Long == "" {
			t.Errorf("%s has no example or no words", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root(&cli.Env{Stdout: new(bytes.Buffer)}))
	if seen != 5 {
		t.Errorf("%d commands, want 5", seen)
	}
}
