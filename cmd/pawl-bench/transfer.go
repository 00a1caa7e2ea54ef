package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// errNotIntact makes the exit code 1; the report has said what is wrong.
var errNotIntact = errors.New("the transfer is not intact")

// transferFlags are the flags of "pawl-bench transfer" that are not of the scenario's own types.
type transferFlags struct {
	bench.TransferScenario
	mix                          string
	size                         conf.Size
	loss, stated                 conf.Percent
	outage, every, late, passGap conf.Duration
	rate                         conf.Rate
	json                         string
	cutLink                      int
	cutAt                        conf.Percent
	unplug                       bool
}

// transferCommand is "pawl-bench transfer": one transfer by the real programs.
func transferCommand(env *cli.Env) *cobra.Command {
	f := transferFlags{rate: 2.5e9, cutAt: 0.5}
	cmd := &cobra.Command{
		Use:   "transfer",
		Short: "Send files over a testbed with the real programs, compare and measure",
		Long: `transfer builds a one-way link of two network namespaces (root), starts pawl-send, pawl-receive and
pawl-release on it, submits files, waits until they are in the inbox, compares them byte for byte and
says what it took. It ends with 1 if anything differs or a single packet went back. Its halves, "transfer send" and
"transfer receive", measure real hardware from two machines with nothing coming back.`,
		Example: `  pawl-bench transfer --size 1GiB --mtu 1500 --loss 1% --json -
  pawl-bench transfer --mix gotree --loss 0.1% --outage 5ms --every 100ms
  pawl-bench transfer --links 2 --survive-links 1 --cut-link 1 --cut-at 50% --rate 1Gbit/s
  pawl-bench transfer --passes 2 --kill-receiver
  pawl-bench transfer --mix sparse --size 20GiB --high /var/tmp
  pawl-bench transfer --loss 20% --stated-loss 1% --passes 2`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, env) },
	}
	cmd.AddCommand(transferSendCommand(env), transferReceiveCommand(env), transferKeysCommand(env))
	flags := cmd.Flags()
	flags.StringVar(&f.mix, "mix", string(bench.MixRandom), fmt.Sprintf("what crosses, one of %v", bench.Mixes()))
	flags.TextVar(&f.size, "size", f.size, "`size` of the mixes random, small and sparse; 0: the mix's own")
	flags.Uint64Var(&f.Seed, "seed", 1, "`seed` of the content")
	flags.IntVar(&f.MTU, "mtu", 1500, "`MTU` of the link in octets")
	flags.TextVar(&f.loss, "loss", f.loss, "packets lost one by one, as `0.5%`")
	flags.TextVar(&f.stated, "stated-loss", f.stated, "loss that the sender is told, as `1%`; default --loss")
	flags.TextVar(&f.outage, "outage", f.outage, "nothing crosses for this long, as `5ms`")
	flags.TextVar(&f.every, "every", f.every, "time from outage to outage, as `100ms`")
	flags.TextVar(&f.rate, "rate", f.rate, "`rate` on the wire, of each link")
	flags.IntVar(&f.Links, "links", 1, "`number` of links side by side")
	flags.IntVar(&f.Survive, "survive-links", 0, "`number` of links that the sender is told may be lost")
	flags.IntVar(&f.cutLink, "cut-link", 0, "break the link of this `number`, counted from 0; default none")
	flags.TextVar(&f.cutAt, "cut-at", f.cutAt, "with --cut-link: when this `share` of the content is there")
	flags.BoolVar(&f.unplug, "unplug", false, "with --cut-link: take its device down, so that sending fails; otherwise its packets vanish")
	flags.StringVar(&f.Seal, "seal", "aes-256-gcm", "aes-256-gcm or none")
	flags.IntVar(&f.Passes, "passes", 1, "how often the content is sent")
	flags.TextVar(&f.passGap, "pass-gap", f.passGap, "time between passes, as `1s`; default 0s, but 1s more than --late, so that the second pass begins after the receiver")
	flags.TextVar(&f.late, "late", f.late, "start the receiver this long after the submit, as `2s`")
	flags.BoolVar(&f.Kill, "kill-receiver", false, "kill -9 the receiver at half of the content and start it again")
	flags.BoolVar(&f.Uncut, "uncut", false, "let packets cross uncut (GSO), as no wire does")
	flags.StringVar(&f.Work, "work", "", "`folder` to work in; default /dev/shm")
	flags.StringVar(&f.High, "high", "", "`folder` for quarantine and inbox, such as a disk for what memory can't hold; default in the work folder")
	flags.BoolVar(&f.Keep, "keep", false, "leave the work folder")
	flags.DurationVar(&f.Timeout, "timeout", 0, "give up after this `time`; default by size and rate")
	flags.StringVar(&f.json, "json", "", "write the report as JSON to `FILE`, - for standard output")
	return cmd
}

func (f *transferFlags) run(cmd *cobra.Command, env *cli.Env) error {
	if (f.outage == 0) != (f.every == 0) {
		return cli.Usagef("--outage and --every need each other")
	}
	if !slices.Contains(bench.Mixes(), bench.Mix(f.mix)) {
		return cli.Usagef("--mix %q is none of %v", f.mix, bench.Mixes())
	}
	f.Mix, f.Size, f.Rate = bench.Mix(f.mix), uint64(f.size), uint64(f.rate)
	f.Loss.Random, f.Loss.Outage, f.Loss.Every = float64(f.loss), time.Duration(f.outage), time.Duration(f.every)
	f.Late, f.PassGap = time.Duration(f.late), time.Duration(f.passGap)
	if !cmd.Flags().Changed("pass-gap") && f.Late > 0 {
		f.PassGap = f.Late + time.Second
	}
	cut := cmd.Flags().Changed("cut-link")
	if !cut && (f.unplug || cmd.Flags().Changed("cut-at")) {
		return cli.Usagef("--cut-at and --unplug need --cut-link")
	}
	if cut {
		f.Cut = &bench.Cut{Link: f.cutLink, At: float64(f.cutAt), Unplug: f.unplug}
	}
	if cmd.Flags().Changed("stated-loss") {
		stated := float64(f.stated)
		f.Stated = &stated
	}
	f.Version = cli.Version()
	report, err := f.Run(cmd.Context(), func(line string) { fmt.Fprintln(env.Stderr, line) })
	if errors.Is(err, bench.ErrScenario) {
		return cli.Usagef("--links, --survive-links, --cut-link, --cut-at: %w", err)
	}
	if err != nil {
		return err
	}
	if err := f.write(env.Stdout, report); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if !report.Intact {
		return errNotIntact
	}
	return nil
}

// write writes the report where it is asked for.
func (f *transferFlags) write(stdout io.Writer, report *bench.TransferReport) error {
	if f.json == "" {
		return report.WriteText(stdout)
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if f.json != "-" {
		return os.WriteFile(f.json, text, 0o644)
	}
	_, err = stdout.Write(text)
	return err
}
