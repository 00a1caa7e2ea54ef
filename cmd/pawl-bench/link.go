package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/hw/link"
)

// errDamaged makes the exit code 1; the result is written all the same.
var errDamaged = errors.New("datagrams arrived damaged: set gso = false on the link and try other offloads (ethtool -k)")

// linkFlags are the flags of "pawl-bench link".
type linkFlags struct {
	mtus       []int
	methods    []string
	from, to   conf.Rate
	resolution conf.Percent
	duration   time.Duration
	samples    int
	seed       uint64
	uncut      bool
	json       string
}

// linkCommand is "pawl-bench link": the raw link, without Pawl's own packets.
func linkCommand(env *cli.Env) *cobra.Command {
	f := linkFlags{from: 50e6, to: 20e9, resolution: 0.05}
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Measure the raw link: the highest rate without loss, CPU, losses, order, damage",
		Long: `link finds, on a testbed of this machine (root), the highest rate at which nothing is lost, for each MTU and
batch method, by bisection: each step is a moment at one rate, sent and received by programs of their own.
Its halves, "link send" and "link receive", measure real hardware from two machines with nothing coming back.`,
		Example: `  pawl-bench link --mtu 1500,9000 --json link.json
  pawl-bench link --methods gso+gro,mmsg+mmsg,plain+plain --from 100Mbit/s --to 10Gbit/s
  pawl-bench link receive --listen 10.9.0.2:4600 --json link.json            (high side, first)
  pawl-bench link send --remote 10.9.0.2:4600 --rate 1Gbit/s,2Gbit/s,5Gbit/s (low side)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, env) },
	}
	cmd.AddCommand(linkSendCommand(env), linkReceiveCommand(env))
	flags := cmd.Flags()
	flags.IntSliceVar(&f.mtus, "mtu", []int{1500, 9000}, "`MTU`s of the testbed")
	flags.StringSliceVar(&f.methods, "methods", []string{"gso+gro", "mmsg+mmsg", "plain+plain"}, "`methods` of sending and receiving: gso, mmsg or plain, +, gro, mmsg or plain")
	flags.TextVar(&f.from, "from", f.from, "lowest `rate` on the wire")
	flags.TextVar(&f.to, "to", f.to, "highest `rate` on the wire")
	flags.TextVar(&f.resolution, "resolution", f.resolution, "how close the search comes, as `5%`")
	flags.DurationVar(&f.duration, "duration", 300*time.Millisecond, "`time` of one step")
	flags.IntVar(&f.samples, "samples", 3, "searches for each case, a `number`")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of the content")
	flags.BoolVar(&f.uncut, "uncut", false, "let packets cross uncut (GSO), as no wire does")
	flags.StringVar(&f.json, "json", "", "write the result as JSON to `FILE`, - for standard output")
	return cmd
}

func (f *linkFlags) run(cmd *cobra.Command, env *cli.Env) error {
	s := bench.LinkSearch{
		MTUs: f.mtus, From: uint64(f.from), To: uint64(f.to), Resolution: float64(f.resolution), Duration: f.duration,
		Samples: f.samples, Seed: f.seed, Uncut: f.uncut,
	}
	for _, pair := range f.methods {
		send, receive, ok := strings.Cut(pair, "+")
		if !ok || !isMethod(send, link.GSO) || !isMethod(receive, link.GRO) {
			return cli.Usagef("--methods %q is no pair as gso+gro, mmsg+mmsg or plain+plain", pair)
		}
		s.Methods = append(s.Methods, bench.LinkMethods{Send: link.Method(send), Receive: link.Method(receive)})
	}
	if s.From == 0 || s.From > s.To || s.To > bench.MaxLinkRate || s.Resolution < 0.001 || s.Samples < 1 || s.Duration <= 0 {
		return cli.Usagef("--from must be above 0 and at most --to, --resolution at least 0.1%%, --samples and --duration above 0")
	}
	for _, mtu := range s.MTUs {
		if mtu < bench.MinLinkSize+28 || mtu > bench.MaxLinkSize+28 {
			return cli.Usagef("--mtu %d is not between %d and %d", mtu, bench.MinLinkSize+28, bench.MaxLinkSize+28)
		}
	}
	show := newProgress(env.Stderr)
	result, err := s.Run(cmd.Context(), cli.Version(), show.step)
	show.end()
	if err != nil {
		return err
	}
	return writeLink(env, f.json, result)
}

// isMethod: plain and mmsg are of both ends, the third of one.
func isMethod(name string, third link.Method) bool {
	m := link.Method(name)
	return m == link.Plain || m == link.MMsg || m == third
}

// writeLink writes a result where it is asked for and judges it.
func writeLink(env *cli.Env, file string, result *bench.Result) (err error) {
	if file == "" {
		err = bench.WriteLinkTable(env.Stdout, result)
	} else {
		err = result.Save(file, env.Stdout)
	}
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	if bench.Damaged(result) > 0 {
		return errDamaged
	}
	return nil
}

// linkReceiveCommand is "pawl-bench link receive", the high half.
func linkReceiveCommand(env *cli.Env) *cobra.Command {
	var s bench.LinkReceive
	var method, file string
	var buffer conf.Size = 32 << 20
	cmd := &cobra.Command{
		Use:   "receive",
		Short: "The high half: listen to one run, and write what became of it",
		Long: `receive listens for the bench packets of "pawl-bench link send" on another machine. The packets say by
themselves what was sent; nothing goes back. It ends when the sender has said that its run is over, or when
nothing came for --idle, and writes the result. Damaged datagrams make the exit code 1.`,
		Example: `  pawl-bench link receive --listen 10.9.0.2:4600 --json link.json
  pawl-bench link receive --listen 10.9.0.2:4600 --size 1472 --method mmsg`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Listen == "" {
				return cli.Usagef("--listen is needed, as --listen 10.9.0.2:4600")
			}
			if method != "" && !isMethod(method, link.GRO) || s.Size < bench.MinLinkSize || s.Size > bench.MaxLinkSize || s.Idle <= 0 {
				return cli.Usagef("--method is gro, mmsg or plain; --size is %d to %d; --idle is above 0", bench.MinLinkSize, bench.MaxLinkSize)
			}
			s.Method, s.ReceiveBuffer = link.Method(method), int(buffer)
			result, err := s.Run(cmd.Context(), cli.Version(), func(at netip.AddrPort) { fmt.Fprintf(env.Stderr, "%s%v\n", bench.ListenWord, at) })
			if err != nil {
				return err
			}
			return writeLink(env, file, result)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Listen, "listen", "", "`address:port` to listen on")
	flags.IntVar(&s.Size, "size", 8972, "`octets` of the largest datagram")
	flags.StringVar(&method, "method", "", "`method` of receiving: gro, mmsg or plain; default the quickest there is")
	flags.TextVar(&buffer, "receive-buffer", buffer, "`octets` asked for the socket's buffer")
	flags.DurationVar(&s.Idle, "idle", 10*time.Second, "end when nothing came for this `time` after something did")
	flags.StringVar(&file, "json", "", "write the result as JSON to `FILE`, - for standard output")
	return cmd
}
