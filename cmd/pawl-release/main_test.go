package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/merkle/merkletest"
	"pawl/framing/person"
	"pawl/framing/seal"
	"pawl/hw/confine/killtest"
	"pawl/hw/watch"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

func TestMain(m *testing.M) {
	asChecker()
	testscript.Main(m, map[string]func(){"pawl-release": main, killtest.Launcher: killtest.Launch})
}

// senderKey is made once for all scripts of a run, and put where each finds it.
const senderKey = "sender.key"

func TestScripts(t *testing.T) {
	persons, err := makePeople("alice", "bob")
	if err != nil {
		t.Fatal(err)
	}
	key, auditKey := checktest.Key(t), merkletest.Key(t, "example.org/pawl/high")
	receipt, err := seal.GenerateReceiptKey()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			text, err := os.ReadFile("testdata/pawl-release.toml")
			if err != nil {
				return err
			}
			env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's runtime sleeps at each exit otherwise
			text = bytes.ReplaceAll(text, []byte("$WORK"), []byte(env.WorkDir))
			return errors.Join(
				os.WriteFile(filepath.Join(env.WorkDir, "c.toml"), text, 0o600),
				persons(env.WorkDir),
				os.Mkdir(filepath.Join(env.WorkDir, "auto"), 0o755),
				os.Mkdir(filepath.Join(env.WorkDir, "hold"), 0o755),
				os.Mkdir(filepath.Join(env.WorkDir, "audit"), 0o700),
				keyfile.SaveAudit(filepath.Join(env.WorkDir, "audit.key"), auditKey, time.Unix(0, 0)),
				keyfile.SaveReceipt(filepath.Join(env.WorkDir, "receipt.key"), receipt, time.Unix(0, 0)),
				keyfile.SaveSender(filepath.Join(env.WorkDir, senderKey), key, time.Unix(0, 0)),
			)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"arrive": func(ts *testscript.TestScript, neg bool, args []string) { arrive(t, ts, key, args) },
			"proves": func(ts *testscript.TestScript, neg bool, args []string) { proves(ts, auditKey.Public(), args) },
			"await":  func(ts *testscript.TestScript, neg bool, args []string) { await(ts, args) },
		},
	})
}

// makePeople makes keys once, and a function that puts them into a folder: locking one takes its time.
func makePeople(names ...string) (func(dir string) error, error) {
	const passphrase = "correct horse"
	files := map[string]string{"passphrase": passphrase + "\n", "wrong": "incorrect horse\n"}
	for _, name := range names {
		key, err := person.Generate(name)
		if err != nil {
			return nil, err
		}
		if files[name+".key"], err = key.Lock([]byte(passphrase)); err != nil {
			return nil, err
		}
		files["people.toml"] += fmt.Sprintf("[[person]]\nname = \"%s\"\nkey = \"%s\"\nroles = [\"approver\"]\n", name, key.Public())
	}
	return func(dir string) error {
		var all error
		for name, text := range files {
			all = errors.Join(all, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		return all
	}, nil
}

// arrive ID KIND leaves a transfer in complete as pawl-receive does, by one rename.
func arrive(t *testing.T, ts *testscript.TestScript, key *seal.SenderKey, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: arrive ID tree|file|damaged|forged|aborted")
	}
	id, err := quarantine.ParseID(args[0])
	ts.Check(err)
	store, err := quarantine.Open(ts.MkAbs("quarantine"))
	ts.Check(err)
	tree := checktest.Build(t, id, key, checktest.Tree())
	switch args[1] {
	case "tree":
	case "file":
		tree = checktest.Build(t, id, key, []checktest.Entry{{Path: "report " + args[0] + ".txt", Data: []byte("hello\n"), ModTime: 1e18}})
	case "damaged":
		tree.Content[5] ^= 1
	case "forged":
		tree = checktest.Build(t, id, checktest.Key(t), checktest.Tree())
	case "aborted":
		tree = checktest.Abort(t, id, key, "tree/log", "changed while it was read")
	default:
		ts.Fatalf("no kind %q", args[1])
	}
	dir, err := store.Create(id)
	ts.Check(err)
	tree.Write(t, dir)
	ts.Check(store.Record(id, quarantine.Incoming, quarantine.Event{Who: "pawl-receive", From: quarantine.Incoming, To: quarantine.Complete}))
	ts.Check(store.Move(id, quarantine.Incoming, quarantine.Complete))
}

// proves FILE OUTCOME verifies evidence, and the whole log, and says what the log holds and what was demanded.
func proves(ts *testscript.TestScript, key merkle.Public, args []string) {
	pack, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	e, err := audit.VerifyPack(bytes.NewReader(pack), int64(len(pack)), key)
	ts.Check(err)
	if e.Outcome != args[1] {
		ts.Fatalf("evidence of a transfer that is %s", e.Outcome)
	}
	s, err := audit.Verify(os.DirFS(ts.MkAbs("audit")), key, []merkle.Checkpoint{e.Checkpoint}, nil)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), s.Kinds)
	if e.Release != nil {
		fmt.Fprintf(ts.Stdout(), "%d approvals demanded, %d sources\n", e.Release.Terms.Approvals, len(e.Sources))
	}
}

// await PATH waits until a name is there.
func await(ts *testscript.TestScript, args []string) {
	path := ts.MkAbs(args[0])
	folder, err := watch.Open(filepath.Dir(path))
	ts.Check(err)
	defer folder.Close()
	late := time.AfterFunc(time.Minute, func() { folder.Close() })
	defer late.Stop()
	for {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
			return
		}
		if _, err := folder.Next(); err != nil {
			ts.Fatalf("%s does not come: %v", path, err)
		}
	}
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
	if seen < 8 {
		t.Errorf("%d commands: some are not looked at", seen)
	}
}

func TestTableIsEscapedAndCapped(t *testing.T) {
	n := uint64(1234567)
	out := new(bytes.Buffer)
	now := time.Unix(2_000_000_000, 0)
	err := writeTable(out, []*transfer{
		{ID: "1-019a2b3c4d5e6f70", State: quarantine.Held, Label: "reports", Name: "evil\x1b[2J\u202e\n" + strings.Repeat("w", 99), Bytes: &n, Files: &n,
			Since: now.Add(-90 * time.Minute), Reason: "digest: \x07"},
		{ID: "1-019a2b3c4d5e6f71", State: quarantine.Incoming, Label: "reports", Since: now.Add(time.Hour)},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := `ID                  STATE     CHANNEL  NAME                                        SIZE     FILES    AGE  REASON
1-019a2b3c4d5e6f70  held      reports  evil\x1b[2J\u202e\nwwwwwwwwwwwwwwwwwwwwww…  1.2 MiB  1234567  1h   digest: \a
1-019a2b3c4d5e6f71  incoming  reports  -                                           -        -        0s   
`
	if got := out.String(); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59 * time.Second: "59s", 60 * time.Second: "1m", 59 * time.Minute: "59m",
		time.Hour: "1h", 47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
}
