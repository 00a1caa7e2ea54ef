package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// tree is a small program with one command of each kind.
func tree(env *Env) *cobra.Command {
	root := &cobra.Command{Use: "prog", Short: "Try the frame"}
	ok := &cobra.Command{Use: "ok", Short: "Say the environment", Args: cobra.NoArgs, Example: "  prog ok",
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprintln(env.Stdout, env.Getenv("WORD"))
			return nil
		}}
	fail := &cobra.Command{Use: "fail", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return fmt.Errorf("claim %q: %w", "x", os.ErrPermission) }}
	usage := &cobra.Command{Use: "usage FILE", Args: cobra.ExactArgs(1),
		RunE: func(*cobra.Command, []string) error { return Usagef("--a and --b exclude each other") }}
	unread := &cobra.Command{Use: "unread", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return fmt.Errorf("key: %w", Unread(os.ErrNotExist)) }}
	need := &cobra.Command{Use: "need", RunE: func(*cobra.Command, []string) error { return nil }}
	need.Flags().String("key", "", "key file")
	if err := need.MarkFlagRequired("key"); err != nil {
		panic(err)
	}
	wait := &cobra.Command{Use: "wait", RunE: func(c *cobra.Command, _ []string) error {
		fmt.Fprintln(env.Stdout, "waiting")
		<-c.Context().Done()
		return fmt.Errorf("wait: %w", c.Context().Err())
	}}
	group := &cobra.Command{Use: "group", Short: "Holds others"}
	group.AddCommand(&cobra.Command{Use: "sub", Run: func(*cobra.Command, []string) {}})
	root.AddCommand(ok, fail, usage, unread, need, wait, group)
	return root
}

func run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(ctx, &Env{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(k string) string { return strings.ToLower(k) }}, tree)
	return code, out.String(), errs.String()
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		args   string
		code   int
		stdout string // substring
		stderr string // whole
	}{
		{"ok", 0, "word\n", ""},
		{"ok --help", 0, "  prog ok", ""},
		{"help ok", 0, "  prog ok", ""},
		{"--help", 0, "Try the frame", ""},
		{"--version", 0, "prog ", ""},
		{"completion bash", 0, "prog", ""},
		{"fail", 1, "", "prog: claim \"x\": permission denied\n"},
		{"unread", 3, "", "prog: key: file does not exist\n"},
		{"", 2, "Available Commands", "prog: prog needs a command\nsee: prog --help\n"},
		{"group", 2, "Holds others", "prog: prog group needs a command\nsee: prog group --help\n"},
		{"ok --bad", 2, "", "prog: unknown flag: --bad\nsee: prog ok --help\n"},
		{"ok extra", 2, "", "prog: unknown command \"extra\" for \"prog ok\"\nsee: prog ok --help\n"},
		{"usage", 2, "", "prog: accepts 1 arg(s), received 0\nsee: prog usage --help\n"},
		{"usage f", 2, "", "prog: --a and --b exclude each other\nsee: prog usage --help\n"},
		{"need", 2, "", "prog: required flag(s) \"key\" not set\nsee: prog need --help\n"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			code, stdout, stderr := run(t.Context(), strings.Fields(tc.args)...)
			if code != tc.code || !strings.Contains(stdout, tc.stdout) || stderr != tc.stderr {
				t.Errorf("prog %s: code %d\nstdout %q\nstderr %q\nwant %d, %q in stdout, stderr %q",
					tc.args, code, stdout, stderr, tc.code, tc.stdout, tc.stderr)
			}
		})
	}
}

func TestRunUnknownCommand(t *testing.T) {
	code, _, stderr := run(t.Context(), "okk")
	if code != ExitUsage || !strings.HasPrefix(stderr, "prog: unknown command \"okk\" for \"prog\"") {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	if strings.Count(stderr, "unknown command") != 1 {
		t.Errorf("the error is not printed once: %q", stderr)
	}
}

func TestRunCancelNamesTheCause(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("terminated signal received"))
	code, _, stderr := run(ctx, "wait")
	if code != ExitFailed || stderr != "prog: terminated signal received\n" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
}

// TestMainSignal sends the process a real SIGTERM while a command waits.
func TestMainSignal(t *testing.T) {
	defer func(args []string) { os.Args = args }(os.Args)
	os.Args = []string{"prog", "wait"}
	stopped := false
	code := Main(func(*Env) *cobra.Command {
		return &cobra.Command{Use: "prog", Args: cobra.ArbitraryArgs, RunE: func(c *cobra.Command, _ []string) error {
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				return err
			}
			<-c.Context().Done()
			stopped = true
			return nil
		}}
	})
	if code != ExitOK || !stopped {
		t.Errorf("code %d, stopped %v; an orderly stop is a success", code, stopped)
	}
}

func TestDescribed(t *testing.T) {
	settings := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}
	for _, tc := range []struct {
		info debug.BuildInfo
		want string
	}{
		{debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: settings}, "v1.2.3"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: settings}, "0123456789ab+dirty"},
		{debug.BuildInfo{}, "unknown"},
	} {
		if got := described(&tc.info); got != tc.want {
			t.Errorf("described = %q, want %q", got, tc.want)
		}
	}
}
