package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
)

// transferKeysCommand is "pawl-bench transfer keys".
func transferKeysCommand(env *cli.Env) *cobra.Command {
	return &cobra.Command{
		Use:   "keys DIR",
		Short: "Make the keys of the halves: DIR/low for one machine, DIR/high for the other",
		Long: `keys makes two identities for measuring, and sorts them: carry DIR/high to the high side and DIR/low to the low side. They are not for
real transfers: one person has had both.`,
		Example: "  pawl-bench transfer keys bench-keys",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := bench.MakeHalfKeys(args[0], ""); err != nil {
				return err
			}
			_, err := fmt.Fprintf(env.Stdout, "%s/low is for the low side, %s/high for the high side\n", args[0], args[0])
			return err
		},
	}
}

// transferSendCommand is "pawl-bench transfer send", the low half.
func transferSendCommand(env *cli.Env) *cobra.Command {
	var s bench.TransferSend
	var remote, mix, file string
	var size conf.Size
	rate := conf.Rate(1e9)
	var loss conf.Percent
	var outage, every, passGap conf.Duration
	cmd := &cobra.Command{
		Use:   "send",
		Short: "The low half: run pawl-send and send transfers that say what they are",
		Long: `send runs pawl-send over a real link and submits --repeat transfers, one after another. Each carries what it must be, so that
"pawl-bench transfer receive" on the high side judges it by itself. Start that first. Here only this side's cost is known.`,
		Example: `  pawl-bench transfer send --remote 10.9.0.2:4600 --keys bench-keys/low --rate 900Mbit/s --loss 0.1%
  pawl-bench transfer send --remote 10.9.0.2:4600 --keys keys/low --mix small --passes 2 --repeat 20 --json low.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if s.Remote, err = netip.ParseAddrPort(remote); err != nil || s.Keys == "" {
				return cli.Usagef("--remote must be address:port, as 10.9.0.2:4600, and --keys a folder of \"pawl-bench transfer keys\"")
			}
			if !slices.Contains(bench.Mixes(), bench.Mix(mix)) {
				return cli.Usagef("--mix %q is none of %v", mix, bench.Mixes())
			}
			if s.Repeat < 1 || s.Repeat > bench.MaxRepeat || rate == 0 || s.Passes < 1 || (outage == 0) != (every == 0) {
				return cli.Usagef("--repeat must be 1 to %d, --rate and --passes above 0; --outage and --every need each other", bench.MaxRepeat)
			}
			s.Mix, s.Size, s.Rate, s.PassGap = bench.Mix(mix), uint64(size), uint64(rate), time.Duration(passGap)
			s.Loss.Random, s.Loss.Outage, s.Loss.Every = float64(loss), time.Duration(outage), time.Duration(every)
			result, err := s.Run(cmd.Context(), cli.Version(), func(line string) { fmt.Fprintln(env.Stderr, line) })
			if err != nil {
				return err
			}
			if file != "" {
				return result.Save(file, env.Stdout)
			}
			v := result.Rows[0].Values
			_, err = fmt.Fprintf(env.Stdout, "%.0f transfers sent, %.0f packets, %.2f CPU s/GB, peak %d MiB; the high half says what arrived\n",
				v["transfers"], v["packets_sent"], v["cpu_send_s_per_gb"], uint64(v["rss_send_bytes"])>>20)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&remote, "remote", "", "`address:port` of the high half")
	flags.StringVar(&s.Keys, "keys", "", "`folder` with sender.key and receiver.key.pub")
	flags.StringVar(&mix, "mix", string(bench.MixRandom), fmt.Sprintf("what crosses, one of %v", bench.Mixes()))
	flags.TextVar(&size, "size", size, "`size` of the mixes random, small and sparse; 0: the mix's own")
	flags.Uint64Var(&s.Seed, "seed", 1, "`seed` of the first transfer; each further one has the next")
	flags.IntVar(&s.MTU, "mtu", 1500, "`MTU` of the link in octets")
	flags.TextVar(&rate, "rate", rate, "`rate` on the wire")
	flags.TextVar(&loss, "loss", loss, "random loss that the sender plans for, as `0.5%`")
	flags.TextVar(&outage, "outage", outage, "longest outage that the sender plans for, as `5ms`")
	flags.TextVar(&every, "every", every, "time from outage to outage, as `1s`")
	flags.StringVar(&s.Seal, "seal", "aes-256-gcm", "aes-256-gcm or none")
	flags.IntVar(&s.Passes, "passes", 1, "how often the content is sent")
	flags.TextVar(&passGap, "pass-gap", passGap, "time between passes, as `1s`")
	flags.IntVar(&s.Repeat, "repeat", 5, "`number` of transfers")
	flags.DurationVar(&s.Pause, "pause", time.Second, "`time` after each transfer")
	flags.StringVar(&s.Work, "work", "", "`folder` to work in; default /dev/shm")
	flags.StringVar(&file, "json", "", "write what this side took as JSON to `FILE`, - for standard output")
	return cmd
}

// transferReceiveCommand is "pawl-bench transfer receive", the high half.
func transferReceiveCommand(env *cli.Env) *cobra.Command {
	var s bench.TransferReceive
	var listen, file string
	cmd := &cobra.Command{
		Use:   "receive",
		Short: "The high half: run pawl-receive and pawl-release, judge what arrives, write the result",
		Long: `receive runs pawl-receive and pawl-release on a real link and judges each transfer of "pawl-bench transfer send" by what the transfer says of
itself: every byte, name, time and executable bit. It ends when all have come, or when nothing came for --idle, and with 1 unless all
are whole. Speeds count from the first packet. Name --expect too where all may be lost.`,
		Example: `  pawl-bench transfer receive --listen 10.9.0.2:4600 --keys bench-keys/high --json high.json
  pawl-bench transfer receive --listen 10.9.0.2:4600 --keys bench-keys/high --mtu 9000 --expect 20`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if s.Listen, err = netip.ParseAddrPort(listen); err != nil || s.Keys == "" {
				return cli.Usagef("--listen must be address:port, as 10.9.0.2:4600, and --keys a folder of \"pawl-bench transfer keys\"")
			}
			if s.Expect < 0 || s.Expect > bench.MaxRepeat || s.Idle <= 0 {
				return cli.Usagef("--expect must be 0 to %d, --idle above 0", bench.MaxRepeat)
			}
			s.Version = cli.Version()
			say := func(line string) { fmt.Fprintln(env.Stderr, line) }
			reports, err := s.Run(cmd.Context(), func(at netip.AddrPort) { say(bench.ListenWord + at.String()) }, say)
			if err != nil {
				return err
			}
			return writeHalves(env, file, reports)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "", "`address:port` to listen on")
	flags.StringVar(&s.Keys, "keys", "", "`folder` with receiver.key and sender.key.pub")
	flags.IntVar(&s.MTU, "mtu", 1500, "`MTU` of the link in octets, as on the low side")
	flags.StringVar(&s.Seal, "seal", "aes-256-gcm", "aes-256-gcm or none, as on the low side")
	flags.IntVar(&s.Expect, "expect", 0, "`number` of transfers that are sent; 0: as they say")
	flags.DurationVar(&s.Idle, "idle", 30*time.Second, "end when nothing came for this `time` after something did")
	flags.StringVar(&s.Work, "work", "", "`folder` to work in; default /dev/shm")
	flags.StringVar(&file, "json", "", "write the reports as JSON to `FILE`, - for standard output")
	return cmd
}

// writeHalves writes what the high half saw, and says with its error whether all is whole.
func writeHalves(env *cli.Env, file string, reports []bench.TransferReport) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetIndent("", "  ")
	whole := 0
	for i := range reports {
		if reports[i].Intact {
			whole++
		}
		var err error
		if file == "" {
			err = reports[i].WriteText(&text)
		} else {
			err = out.Encode(&reports[i])
		}
		if err != nil {
			return err
		}
	}
	var err error
	if file == "" || file == "-" {
		_, err = env.Stdout.Write(text.Bytes())
	} else {
		err = os.WriteFile(file, text.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write reports: %w", err)
	}
	fmt.Fprintf(env.Stderr, "%d of %d whole\n", whole, len(reports))
	if whole < len(reports) {
		return errNotIntact
	}
	return nil
}
