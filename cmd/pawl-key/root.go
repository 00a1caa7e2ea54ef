package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/merkle"
	"pawl/framing/seal"
)

func root(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pawl-key",
		Short: "Make and show the keys of a link, of an audit log and of people",
		Long: `pawl-key makes the two identities of a link, and the key that signs an audit log.

The sender's key, on the low side, signs sessions and proofs; the receiver's key, on
the high side, opens the sessions that are sealed to it. Each is written to FILE,
which stays on the machine it was made on, and its public half to FILE.pub, which is
carried to the other side by a person who compares the fingerprints. The audit key
stays with pawl-release; its public half goes to everybody who shall check the log.

The receipt key is one secret that both sides hold, for receipt codes. Make it on the
low side and carry it to the high side together with the sender's public key.`,
		Example: `  pawl-key sender -o /etc/pawl/send.key         # on the low side
  pawl-key receiver -o /etc/pawl/receive.key    # on the high side
  pawl-key audit -o /etc/pawl-release/audit.key --name example.org/pawl/high
  pawl-key person alice                         # for each person who approves
  pawl-key receipt -o /etc/pawl/receipt.key     # on the low side; copied to the high side
  pawl-key show send.key.pub                    # on both: compare the fingerprints`,
	}
	cmd.AddCommand(senderCommand(env), receiverCommand(env), auditCommand(env), receiptCommand(env), personCommand(env), showCommand(env))
	return cmd
}

func senderCommand(env *cli.Env) *cobra.Command {
	return makeCommand(env, "sender", "Make a sender's key (low side, Ed25519)", func(path string) error {
		key, err := seal.GenerateSenderKey()
		if err != nil {
			return err
		}
		return keyfile.SaveSender(path, key, time.Now())
	})
}

func receiverCommand(env *cli.Env) *cobra.Command {
	return makeCommand(env, "receiver", "Make a receiver's key (high side, X25519 with ML-KEM-768)", func(path string) error {
		key, err := seal.GenerateReceiverKey()
		if err != nil {
			return err
		}
		return keyfile.SaveReceiver(path, key, time.Now())
	})
}

func auditCommand(env *cli.Env) *cobra.Command {
	var name string
	cmd := makeCommand(env, "audit", "Make the key of an audit log (Ed25519, signed-note format)", func(path string) error {
		key, err := merkle.GenerateKey(name)
		if err != nil {
			return err
		}
		return keyfile.SaveAudit(path, key, time.Now())
	})
	cmd.Use = "audit -o FILE --name NAME"
	cmd.Long += `

NAME is the name of the log, which is signed with every checkpoint: one that no other log
has, as a domain and a path, without blanks. A log can't be given another name or key.`
	cmd.Example = "  pawl-key audit -o /etc/pawl-release/audit.key --name example.org/pawl/high"
	cmd.Flags().StringVar(&name, "name", "", "`NAME` of the log")
	if err := cmd.MarkFlagRequired("name"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}

// makeCommand is the command that makes a new key in a file with create.
func makeCommand(env *cli.Env, role, short string, create func(path string) error) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   role + " -o FILE",
		Short: short,
		Long: short + `.

The secret is written to FILE with mode 0600, the public half to FILE.pub. Neither is
ever overwritten: move an old key away before making a new one.`,
		Example: "  pawl-key " + role + " -o /etc/pawl/" + role + ".key",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return cli.Usagef("the file after -o is empty")
			}
			if err := create(out); err != nil {
				return err
			}
			shown, err := keyfile.Show(out)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "secret key:  %s\npublic key:  %s.pub\nfingerprint: %s\n", out, out, shown.Fingerprint)
			return err
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "`FILE` for the secret key; the public key goes to FILE.pub")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}

func showCommand(env *cli.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "show FILE",
		Short: "Show the public half of a key and its fingerprint",
		Long: `Show reads a secret or a public key and prints its public half, as the file FILE.pub
would hold it; of a receipt key, which has none, the fingerprint. The secret itself is
never printed.`,
		Example: `  pawl-key show /etc/pawl/send.key
  pawl-key show receive.key.pub
  pawl-key show send.key > send.key.pub    # make the public file again`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			shown, err := keyfile.Show(args[0])
			if err != nil {
				return err
			}
			if shown.Text == "" {
				_, err = fmt.Fprintf(env.Stdout, "# pawl %s key: the same on both sides\n# fingerprint: %s\n", shown.Role, shown.Fingerprint)
				return err
			}
			_, err = fmt.Fprintf(env.Stdout, "# pawl %s public key: %s\n# fingerprint: %s\n%s\n",
				shown.Role, shown.Purpose(), shown.Fingerprint, shown.Text)
			return err
		},
	}
}
