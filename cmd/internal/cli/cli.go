// Package cli is the frame around each Pawl program: it turns a cobra command
// tree into a process.
//
//	os.Args, os.Std* ─ Env ─ root(env) ─ cobra ─ RunE(ctx) ─ error ─ stderr, once
//	SIGINT, SIGTERM ─────────────────────────────┘ cancels       └─ exit code
//
// A program's main is one line:
//
//	func main() { os.Exit(cli.Main(root)) }
//
// and root builds the whole tree from the Env it is given, so that tests run
// programs without touching the process they live in.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of every Pawl program.
const (
	ExitOK     = 0 // the command did what it was asked
	ExitFailed = 1 // the command began and could not finish
	ExitUsage  = 2 // the command line itself is wrong: nothing was begun
	ExitUnread = 3 // of programs whose ExitFailed is an answer: there was none, because something could not be read
)

// Env is what a program may know of the process it runs in.
type Env struct {
	Args   []string // without the program's name
	Stdin  io.Reader
	Stdout io.Writer // results: what a pipe wants to read
	Stderr io.Writer // errors, logs, progress
	Getenv func(string) string
}

// ErrUsage marks an error of the command line: the program ends with [ExitUsage].
var ErrUsage = errors.New("usage")

// usageError carries ErrUsage without writing the word into the message.
type usageError struct{ error }

func (e usageError) Is(target error) bool { return target == ErrUsage }
func (e usageError) Unwrap() error        { return e.error }

// Usagef is fmt.Errorf for errors that a command finds in its own flags and
// arguments after cobra has accepted them; they satisfy errors.Is(err, ErrUsage).
func Usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// ErrUnread marks an error of a program whose failure is an answer: it did not come to one, and ends with [ExitUnread].
var ErrUnread = errors.New("could not be read")

// unreadError carries ErrUnread without writing the words into the message.
type unreadError struct{ error }

func (e unreadError) Is(target error) bool { return target == ErrUnread }
func (e unreadError) Unwrap() error        { return e.error }

// Unread makes err satisfy errors.Is(err, ErrUnread); nil stays nil.
func Unread(err error) error {
	if err == nil {
		return nil
	}
	return unreadError{err}
}

// Main runs the program in the process's own environment and returns its exit
// code. The first SIGINT or SIGTERM cancels the command's context; a second one
// kills the process as if nobody had listened.
func Main(root func(*Env) *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, &Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Getenv: os.Getenv,
	}, root)
}

// Run builds the command tree, executes env.Args under ctx and returns the exit
// code. An error is written to env.Stderr exactly once, as "program: error".
// Whatever cobra refuses before a command's own function is called is a usage
// error; whatever a command returns is a failure, unless it is an [ErrUsage] or an [ErrUnread].
func Run(ctx context.Context, env *Env, root func(*Env) *cobra.Command) int {
	cmd := root(env)
	cmd.SetArgs(env.Args)
	cmd.SetIn(env.Stdin)
	cmd.SetOut(env.Stdout)
	cmd.SetErr(env.Stderr)
	cmd.SilenceErrors = true
	cmd.SilenceUsage = true
	if cmd.Version == "" {
		cmd.Version = Version()
	}
	cmd.SetVersionTemplate("{{.Name}} {{.Version}}\n")

	begun := false
	cmd.InitDefaultHelpCmd()
	cmd.InitDefaultCompletionCmd(env.Args...)
	note(cmd, &begun)

	last, err := cmd.ExecuteContextC(ctx)
	switch {
	case err == nil && bare(last):
		err = Usagef("%s needs a command", last.CommandPath())
	case err == nil:
		return ExitOK
	case !begun:
		err = usageError{err}
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		err = context.Cause(ctx) // names the signal
	}
	fmt.Fprintf(env.Stderr, "%s: %v\n", cmd.Name(), err)
	switch {
	case errors.Is(err, ErrUsage):
	case errors.Is(err, ErrUnread):
		return ExitUnread
	default:
		return ExitFailed
	}
	fmt.Fprintf(env.Stderr, "see: %s --help\n", last.CommandPath())
	return ExitUsage
}

// note makes each command of the tree say that it has begun.
func note(cmd *cobra.Command, begun *bool) {
	for _, hook := range []*func(*cobra.Command, []string) error{&cmd.PersistentPreRunE, &cmd.PreRunE, &cmd.RunE} {
		if run := *hook; run != nil {
			*hook = func(c *cobra.Command, args []string) error {
				*begun = true
				return run(c, args)
			}
		}
	}
	for _, sub := range cmd.Commands() {
		note(sub, begun)
	}
}

// bare reports whether cobra stopped at a command that only has sub-commands and
// printed its help in place of doing something. Asked for, help is a success.
func bare(cmd *cobra.Command) bool {
	if cmd.Runnable() {
		return false
	}
	for _, name := range []string{"help", "version"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			return false
		}
	}
	return true
}
