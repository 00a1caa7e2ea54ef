package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/receiver/check"
)

// trial is what try says about one path.
type trial struct {
	Path   string          `json:"path"`
	OK     bool            `json:"ok"`
	Policy string          `json:"policy_sha256"`
	Checks []check.Finding `json:"checks"`
}

// errSaidNo ends try when the policy does not let everything pass.
var errSaidNo = errors.New("the policy says no")

func tryCommand(env *cli.Env) *cobra.Command {
	var config, channel string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "try POLICY PATH... | try --config FILE --channel NAME PATH...",
		Short: "Ask a policy about files, without a transfer",
		Long: `Try asks the checks of a policy about files and folders as they would be asked about a transfer of each, and
prints what every check says. Nothing is moved or written, and neither a quarantine nor a daemon is needed, so that the
low side can ask the same policy before it sends. The exit code is 1 when any check says no.`,
		Example: `  pawl-release try /etc/pawl/updates.policy.toml release.tar.gz
  pawl-release try --config /etc/pawl/pawl-release.toml --channel reports --json /srv/out/report`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			policy, paths, err := tryWhich(config, channel, args)
			if err != nil {
				return err
			}
			digest := policy.Digest()
			bad := 0
			for _, path := range paths {
				findings, err := check.Try(cmd.Context(), policy, path)
				if err != nil {
					return errors.New(framing.Printable(err.Error(), longText))
				}
				t := trial{Path: path, OK: true, Policy: hex.EncodeToString(digest[:]), Checks: findings}
				for _, f := range findings {
					t.OK = t.OK && f.OK
				}
				if !t.OK {
					bad++
				}
				if err := t.write(env.Stdout, asJSON); err != nil {
					return err
				}
			}
			if bad > 0 {
				return fmt.Errorf("%w to %d of %d", errSaidNo, bad, len(paths))
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "configuration `FILE` that names the policy; with --channel")
	cmd.Flags().StringVar(&channel, "channel", "", "`NAME` of the channel whose policy is asked; with --config")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line for each path")
	return cmd
}

// tryWhich finds the policy that is meant, and the paths.
func tryWhich(config, channel string, args []string) (*check.Policy, []string, error) {
	if (config == "") != (channel == "") {
		return nil, nil, cli.Usagef("--config and --channel go together")
	}
	if config == "" {
		if len(args) < 2 {
			return nil, nil, cli.Usagef("try needs a policy and at least one path")
		}
		policy, err := loadPolicy(args[0])
		return policy, args[1:], err
	}
	c, err := load(config)
	if err != nil {
		return nil, nil, err
	}
	for _, ch := range c.Channels {
		if ch.Name != channel {
			continue
		}
		if ch.policy == nil {
			return nil, nil, fmt.Errorf("%s: channel %q has no policy: nothing is asked of its content", config, channel)
		}
		return ch.policy, args, nil
	}
	return nil, nil, fmt.Errorf("%s: there is no channel %q", config, channel)
}

// write prints what was said. Paths and reasons may be somebody else's words.
func (t trial) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(t)
	}
	said := "yes"
	if !t.OK {
		said = "no"
	}
	if _, err := fmt.Fprintf(w, "%s: %s\n", framing.Printable(t.Path, longText), said); err != nil {
		return err
	}
	return writeFindings(w, t.Checks)
}

// writeFindings prints a line for each check.
func writeFindings(w io.Writer, findings []check.Finding) error {
	for _, f := range findings {
		line := fmt.Sprintf("  %-10s yes, %d files", f.Check, f.Files)
		if !f.OK {
			line = fmt.Sprintf("  %-10s no", f.Check)
			if f.Path != "" {
				line += ", " + framing.Printable(f.Path, longText)
			}
			line += ": " + framing.Printable(f.Reason, longText)
		}
		if f.Engine != "" {
			line += fmt.Sprintf(" (%s, %s)", framing.Printable(f.Engine, longText), framing.Printable(f.Version, longText))
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
