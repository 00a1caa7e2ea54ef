package main

import (
	"bytes"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf/conftest"
	"pawl/cmd/internal/keyfile"
	"pawl/fec"
	"pawl/framing/seal"
	"pawl/hw/watch"
	"pawl/sender"
)

// example is the file in the docs that people start from.
const example = "../../docs/examples/pawl-send.toml"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pawl-send": main})
}

// TestScripts runs the program; each script finds keys in its folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			free, err := net.Listen("tcp", "127.0.0.1:0") // a port that nobody else is likely to take
			if err != nil {
				return err
			}
			_, port, _ := net.SplitHostPort(free.Addr().String())
			env.Setenv("PORT", port)
			if err := free.Close(); err != nil {
				return err
			}
			sender, err := seal.GenerateSenderKey()
			if err != nil {
				return err
			}
			receiver, err := seal.GenerateReceiverKey()
			if err != nil {
				return err
			}
			if err := keyfile.SaveSender(filepath.Join(env.WorkDir, "send.key"), sender, time.Now()); err != nil {
				return err
			}
			return keyfile.SaveReceiver(filepath.Join(env.WorkDir, "receive.key"), receiver, time.Now())
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await},
	})
}

// await FOLDER PATTERN waits until a pattern matches something below the folder, looking again at each news of it.
func await(ts *testscript.TestScript, _ bool, args []string) {
	folder, err := watch.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer folder.Close()
	late := time.AfterFunc(time.Minute, func() { folder.Close() })
	defer late.Stop()
	for {
		found, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), args[1]))
		ts.Check(err)
		if len(found) > 0 {
			return
		}
		if _, err := folder.Next(); err != nil {
			ts.Fatalf("%s/%s does not come: %v", args[0], args[1], err)
		}
	}
}

func TestExampleLoads(t *testing.T) {
	c, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Channels) != 1 || c.Channels[0].Name != "updates" || c.Link.Rate != 1e9 || c.Link.MTU != 1500 || !c.Link.GSO {
		t.Errorf("loaded %+v", c)
	}
}

// TestExampleComments takes the mark off each commented setting: all of them must be settings that there are, and those
// that stand for a plain default must be it.
func TestExampleComments(t *testing.T) {
	all, err := load(conftest.Uncommented(t, example, 10))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := load(example)
	if err != nil {
		t.Fatal(err)
	}
	if all.Socket != plain.Socket || all.Seal != plain.Seal || all.Log != plain.Log || all.Link.MTU != plain.Link.MTU ||
		all.Link.Failure != plain.Link.Failure || all.Link.GSO != plain.Link.GSO || all.Link.paceBurst() != plain.Link.paceBurst() {
		t.Errorf("comments are not the defaults:\n%+v\n%+v", all, plain)
	}
	if all.Link.Memory != fec.DefaultMemory || all.Channels[0].Passes != 1 || time.Duration(all.Channels[0].Quiet) != sender.DefaultQuiet {
		t.Errorf("comments are not the defaults: %+v", all)
	}
}

// TestHelpHasExamples: every command shows how it is used.
func TestHelpHasExamples(t *testing.T) {
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		seen++
		if c.Example == "" || c.Short == "" {
			t.Errorf("%s has no example or no words", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root(&cli.Env{Stdout: new(bytes.Buffer)}))
	if seen < 10 {
		t.Errorf("%d commands: some are not looked at", seen)
	}
}
