package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/hw/link"
)

// linkSendFlags are the flags of "pawl-bench link send".
type linkSendFlags struct {
	bench.LinkSend
	rates, methods []string
	sizes          []int
	burst, repeat  int
	seed           uint64
	duration       time.Duration
	buffer         conf.Size
}

// linkSendCommand is "pawl-bench link send", the low half.
func linkSendCommand(env *cli.Env) *cobra.Command {
	var f linkSendFlags
	cmd := &cobra.Command{
		Use:   "send",
		Short: "The low half: play steps of one rate and size each, to whoever listens",
		Long: `send plays one step for each size, method and rate, slow ones first, and says in the packets themselves what
it sends, before, in and after each step. Start "pawl-bench link receive" on the high side first: it writes
the result. Datagrams of a size must fit the MTU: 1472 octets fit 1500, 8972 fit 9000 (IPv4).`,
		Example: `  pawl-bench link send --remote 10.9.0.2:4600
  pawl-bench link send --remote 10.9.0.2:4600 --size 1472,8972 --rate 500Mbit/s,1Gbit/s --method gso,mmsg --repeat 5`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.plan(); err != nil {
				return err
			}
			show := newProgress(env.Stderr)
			err := f.Run(cmd.Context(), show.step)
			show.end()
			if err == nil {
				fmt.Fprintf(env.Stderr, "%d steps sent; the receiver has the result\n", len(f.Steps))
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Remote, "remote", "", "`address:port` of the receiver")
	flags.StringVar(&f.Local, "local", "", "`address:0` to send from; default by route")
	flags.StringSliceVar(&f.rates, "rate", []string{"100Mbit/s", "250Mbit/s", "500Mbit/s", "1Gbit/s", "2.5Gbit/s", "5Gbit/s", "10Gbit/s"}, "`rates` on the wire; 0: as fast as it goes")
	flags.IntSliceVar(&f.sizes, "size", []int{1472}, "`octets` of a datagram, a list")
	flags.StringSliceVar(&f.methods, "method", []string{"gso"}, "`methods` of sending: gso, mmsg, plain")
	flags.IntVar(&f.burst, "burst", 0, "`datagrams` handed over at a time; 0: about 200 µs worth")
	flags.DurationVar(&f.duration, "duration", time.Second, "`time` of one step")
	flags.IntVar(&f.repeat, "repeat", 1, "rounds over all steps, a `number`")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of the content")
	flags.TextVar(&f.buffer, "send-buffer", f.buffer, "`octets` asked for the socket's buffer; 0: 1 MiB")
	flags.DurationVar(&f.Pause, "pause", 50*time.Millisecond, "`time` between steps")
	return cmd
}

// plan makes the steps of the flags.
func (f *linkSendFlags) plan() error {
	if f.Remote == "" {
		return cli.Usagef("--remote is needed, as --remote 10.9.0.2:4600")
	}
	if f.burst < 0 || f.repeat < 1 || f.duration <= 0 || f.Pause <= 0 {
		return cli.Usagef("--burst must not be below 0; --repeat, --duration and --pause must be above 0")
	}
	rates := make([]uint64, len(f.rates))
	for i, text := range f.rates {
		var rate conf.Rate
		if err := rate.UnmarshalText([]byte(text)); err != nil {
			return cli.Usagef("--rate: %w", err)
		}
		rates[i] = uint64(rate)
	}
	slices.SortFunc(rates, func(a, b uint64) int { return cmp.Compare(a-1, b-1) }) // 0, no limit, is the last
	for range f.repeat {
		for _, size := range f.sizes {
			for _, method := range f.methods {
				for _, rate := range rates {
					step := bench.LinkStep{Size: size}
					if size >= bench.MinLinkSize {
						step = bench.NewLinkStep(size, rate, link.Method(method), f.duration, f.seed)
					}
					if f.burst > 0 {
						step.Burst = f.burst
					}
					if err := step.Check(); err != nil {
						return cli.Usagef("--size, --rate, --method, --burst, --duration: %w", err)
					}
					f.Steps = append(f.Steps, step)
				}
			}
		}
	}
	if len(f.Steps) == 0 || len(f.Steps) > bench.MaxLinkSteps {
		return cli.Usagef("%d steps: 1 to %d are possible", len(f.Steps), bench.MaxLinkSteps)
	}
	f.SendBuffer = int(f.buffer)
	return nil
}
