package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/hw/disk"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// keptFile keeps the last checkpoint of the audit log in the root of the quarantine. It lies there and not beside the log because who puts back or loses
// the folder of the log must not do the same to it by the same act; and there rather than in a folder of its own because what the log must agree with
// are the transfers there. pawl-receive can take it away: then this one barrier is gone, for whom the log's folder is out of reach.
const keptFile = "audit.checkpoint"

// maxKept bounds that file, octets.
const maxKept = 16 << 10

// keeper keeps checkpoints in the root of a quarantine.
type keeper struct{ root string }

// Kept implements audit.Keeper.
func (k keeper) Kept() ([]byte, error) {
	f, err := disk.OpenRegular(filepath.Join(k.root, keptFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the checkpoint that was kept: %w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKept))
}

// Keep implements audit.Keeper.
func (k keeper) Keep(note []byte) error { return quarantine.WriteFile(k.root, keptFile, note) }

func acceptLogCommand(env *cli.Env) *cobra.Command {
	var path, reason string
	cmd := &cobra.Command{
		Use:   "accept-log --reason TEXT",
		Short: "Go on with an audit log that was put back from a backup",
		Long: `Accept-log is for when pawl-release refuses its audit log because it does not go on from the checkpoint that was kept of it: the
folder was put back from a backup, is another one, or is empty. What the log told of in between is lost with it, and whoever has a newer
checkpoint will find that the log was forked. Look for the newest log first. This command enters in the log that it was accepted, by whom,
why, and both checkpoints; then pawl-release goes on. It can't be undone.`,
		Example: `  pawl-release accept-log --reason "disk of the log died on 3 November, restored from the backup of 2 November"`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if reason == "" {
				return cli.Usagef("the reason is empty: it is what an auditor will read")
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			return c.acceptLog(env.Stdout, reason)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringVar(&reason, "reason", "", "why (`TEXT`), for the auditor")
	if err := cmd.MarkFlagRequired("reason"); err != nil {
		panic(err) // the flag is defined on the line above
	}
	return cmd
}

func (c *config) acceptLog(w io.Writer, reason string) error {
	if c.Audit.Off {
		return errors.New("audit is off in the configuration: there is no log to accept")
	}
	if _, err := os.Stat(c.Quarantine); err != nil {
		return err
	}
	key, folder, err := c.Audit.writable()
	if err != nil {
		return err
	}
	defer folder.Close()
	entry, err := audit.Accept(folder, key, keeper{c.Quarantine}, time.Now, osUser(), reason)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", c.Audit.Folder, err)
	case entry == nil:
		return fmt.Errorf("%s: the log goes on from the checkpoint that was kept: there is nothing to accept", c.Audit.Folder)
	}
	_, err = fmt.Fprintf(w, "accepted: a log of %d entries in the place of one of %d; entered\n", entry.Size, entry.Kept)
	return err
}
