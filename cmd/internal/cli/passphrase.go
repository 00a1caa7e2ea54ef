package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// Passphrase asks for a passphrase on the terminal, without showing it; twice for a new one, which must be the same both times. Without a
// terminal the error tells of instead, the flag that takes its place.
func (env *Env) Passphrase(prompt string, twice bool, instead string) ([]byte, error) {
	in, ok := env.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, Usagef("there is no terminal to type a passphrase on: use %s", instead)
	}
	once, err := env.ask(in, prompt)
	if err != nil || !twice {
		return once, err
	}
	again, err := env.ask(in, "The same again")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(once, again) {
		return nil, errors.New("the two are not the same: nothing was done")
	}
	return once, nil
}

func (env *Env) ask(in *os.File, prompt string) ([]byte, error) {
	fmt.Fprintf(env.Stderr, "%s: ", prompt)
	text, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(env.Stderr)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return text, nil
}
