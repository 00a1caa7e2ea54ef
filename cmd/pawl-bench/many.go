package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// manyCommand is "pawl-bench many": small files by the million.
func manyCommand(env *cli.Env) *cobra.Command {
	s := bench.ManyScenario{}
	size, rate := conf.Size(1024), conf.Rate(1e9)
	var file string
	cmd := &cobra.Command{
		Use:   "many",
		Short: "Drop a million small files into the outbox, kill the sender on the way, and measure",
		Long: `many builds a testbed (root), starts pawl-send, pawl-receive and pawl-release on it and renames folders of small files into
the outbox, each of which is a transfer. When half of them are in the inbox, pawl-send is killed and started again. It ends
when all are in the inbox, byte for byte the same, and says how many files crossed in a second (the restart included), what
memory each program took, and how long after its start the sender had content on the link again.`,
		Example: `  pawl-bench many
  pawl-bench many --files 100000 --json many.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Folders < 2 || s.Files < s.Folders || size < 1 || rate < 1 {
				return cli.Usagef("--folders must be at least 2, --files at least as many, --size and --rate at least 1")
			}
			s.Size, s.Rate = uint64(size), uint64(rate)
			result, err := s.Run(cmd.Context(), cli.Version(), func(line string) { fmt.Fprintln(env.Stderr, line) })
			if err != nil {
				return err
			}
			if file != "" {
				err = result.Save(file, env.Stdout)
			} else {
				err = bench.WriteManyTable(env.Stdout, result)
			}
			if err != nil {
				return fmt.Errorf("write result: %w", err)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&s.Files, "files", 1_000_000, "`number` of files")
	flags.IntVar(&s.Folders, "folders", 100, "`number` of folders that they lie in")
	flags.TextVar(&size, "size", size, "`size` of each file")
	flags.TextVar(&rate, "rate", rate, "`rate` on the wire")
	flags.Uint64Var(&s.Seed, "seed", 1, "`seed` of the content")
	flags.StringVar(&s.Work, "work", "", "`folder` to work in, with two inodes a file; default /dev/shm")
	flags.DurationVar(&s.Timeout, "timeout", 30*time.Minute, "give up after this `time`")
	flags.StringVar(&file, "json", "", "write the result as JSON to `FILE`, - for standard output")
	return cmd
}
