package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/keyfile"
	"pawl/framing"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
	"pawl/receiver/release"
)

func evidenceCommand(env *cli.Env) *cobra.Command {
	var path, out string
	cmd := &cobra.Command{
		Use:   "evidence ID -o FILE",
		Short: "Write a file that proves what happened to a transfer",
		Long: `Evidence writes a zip file with the transfer's plan, proof, verdict and signed decisions, its entries in the audit log
with proofs that they are there, and a signed statement that names each file with its digest. Where plan and proof are not what the
configured sender signed and the last verdict is about, the statement names no files and says why. Whoever has the log's
public key checks it with pawl-audit, without this machine. FILE is never overwritten.`,
		Example: `  pawl-release evidence 1-019a2b3c4d5e6f70 -o evidence.zip
  pawl-audit verify evidence.zip --key audit.key.pub`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return cli.Usagef("the file after -o is empty")
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			return c.evidence(env, args[0], out)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVarP(&out, "output", "o", "", "`FILE` for the evidence, a zip")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}

func (c *config) evidence(env *cli.Env, prefix, out string) error {
	store, err := quarantine.View(c.Quarantine)
	if err != nil {
		return err
	}
	id, st, err := resolve(store, prefix)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	e, err := c.writePack(file, store, id, st)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s", framing.Printable(err.Error(), longText)), os.Remove(out)) // we made it a moment ago
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: %s, %d entries of the log %s at %d\n", out, framing.Printable(e.Outcome, nameWidth), len(e.Entries),
		e.Checkpoint.Origin, e.Checkpoint.Size)
	if err == nil && e.Unproved != nil {
		_, err = fmt.Fprintf(env.Stdout, "content not proved: %v; the statement names no files\n", e.Unproved)
	}
	return err
}

// writePack writes the evidence of a transfer that is in a state.
func (c *config) writePack(w io.Writer, store *quarantine.Store, id quarantine.ID, st quarantine.State) (*audit.Evidence, error) {
	view, err := c.Audit.view()
	if err != nil {
		return nil, err
	}
	key, err := keyfile.AuditKey(c.Audit.Key)
	if err != nil {
		return nil, err
	}
	sender, err := keyfile.SenderPublic(c.Sender)
	if err != nil {
		return nil, err
	}
	objects, err := collect(store.Dir(st, id))
	if err != nil {
		return nil, err
	}
	return audit.WritePack(w, view, key, sender, id.String(), objects)
}

// collect reads the objects of a transfer that go into its evidence, as plain files only.
func collect(dir string) (audit.Objects, error) {
	objects := audit.Objects{}
	for _, name := range []string{audit.PackPlan, audit.PackProof, audit.PackVerdict} {
		f, err := disk.OpenRegular(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		limit := audit.PackLimit(name)
		data, err := io.ReadAll(io.LimitReader(f, limit+1))
		f.Close()
		if err != nil {
			return nil, err
		}
		if int64(len(data)) > limit {
			return nil, fmt.Errorf("%s is larger than the %d bytes that evidence may have", filepath.Join(dir, name), limit)
		}
		objects[name] = data
	}
	decisions, err := release.DecisionFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(decisions) > 0 {
		if objects[audit.PackDecisions], err = audit.AppendDecisions(nil, decisions); err != nil {
			return nil, err
		}
	}
	if objects[audit.PackProof] == nil {
		return nil, errors.New("the transfer has no proof yet: there is nothing to give evidence of")
	}
	return objects, nil
}
