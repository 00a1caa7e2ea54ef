package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/person"
)

func personCommand(env *cli.Env) *cobra.Command {
	var dir, file string
	cmd := &cobra.Command{
		Use:   "person NAME",
		Short: "Make the key of a person who approves transfers (high side, Ed25519)",
		Long: `Person makes the key that one named person approves, revokes and rejects with. NAME.key holds the secret under a
passphrase (Argon2id, XChaCha20-Poly1305) and stays with the person; the line in NAME.pub goes into people.toml, put there
by whoever keeps that file, who compares the fingerprint with the person. Neither file is ever overwritten.

NAME has 1 to 32 of a-z, 0-9, ".", "_" and "-". The passphrase is typed twice, or read from a file that nobody else
may read.`,
		Example: `  pawl-key person alice
  pawl-key person alice -d /media/alice --passphrase-file /run/secrets/alice`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := person.CheckName(args[0]); err != nil {
				return cli.Usagef("%v", err)
			}
			return makePerson(env, args[0], dir, file)
		},
	}
	cmd.Flags().StringVarP(&dir, "directory", "d", ".", "`FOLDER` for the two files")
	cmd.Flags().StringVar(&file, "passphrase-file", "", "`FILE` with the passphrase, in place of the terminal")
	return cmd
}

func makePerson(env *cli.Env, name, dir, file string) error {
	var passphrase []byte
	var err error
	if file != "" {
		passphrase, err = keyfile.Passphrase(file)
	} else {
		passphrase, err = env.Passphrase(fmt.Sprintf("Passphrase for the key of %s (at least %d characters)", name, person.MinPassphrase), true, "--passphrase-file")
	}
	if err != nil {
		return err
	}
	key, err := person.Generate(name)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, name+".key")
	if err := keyfile.SavePerson(path, key, passphrase, time.Now()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "secret key:  %s\npublic key:  %s\nfingerprint: %s\n", path, keyfile.PersonPublicPath(path), key.Public().Fingerprint())
	return err
}
