package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
	"pawl/cmd/internal/conf"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
	"pawl/hw/link"
	"pawl/hw/testbed"
)

// sweepFlags are the flags that say what is swept.
type sweepFlags struct {
	rates  []string
	method string
	bench.CalibrateScenario
}

func (f *sweepFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.rates, "rate", []string{"100Mbit/s", "250Mbit/s", "500Mbit/s", "1Gbit/s"}, "`rates` on the wire")
	flags.IntSliceVar(&f.MTUs, "mtu", []int{1500}, "`MTUs`: datagrams are as pawl-send's at each")
	flags.IntSliceVar(&f.Bursts, "burst", []int{1, 16}, "`datagrams` that leave together")
	flags.DurationVar(&f.Each, "each", 2*time.Second, "`time` of one step")
	flags.IntVar(&f.Turns, "turns", 3, "how often each combination comes, a `number`")
	flags.Uint64Var(&f.Seed, "seed", 1, "`seed` of the order of the steps and of their content")
	flags.StringVar(&f.method, "method", string(link.MMsg), "`method` of sending: gso, mmsg or plain")
}

// scenario checks the flags; the steps are made once to see that they can be.
func (f *sweepFlags) scenario() (bench.CalibrateScenario, error) {
	f.Rates = nil
	for _, text := range f.rates {
		var rate conf.Rate
		if err := rate.UnmarshalText([]byte(text)); err != nil {
			return f.CalibrateScenario, cli.Usagef("--rate: %w", err)
		}
		f.Rates = append(f.Rates, uint64(rate))
	}
	f.Method = link.Method(f.method)
	if _, err := f.Steps(); err != nil {
		return f.CalibrateScenario, cli.Usagef("--rate, --mtu, --burst, --each, --turns, --method: %w", err)
	}
	return f.CalibrateScenario, nil
}

// profileFlags are the flags that say where the outcome goes.
type profileFlags struct {
	output, key, where, json string

	secret *seal.SenderKey
}

func (f *profileFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "write a signed profile to `FILE`, which must not be there")
	flags.StringVar(&f.key, "key", "", "secret key `FILE` to sign it with, made by pawl-key sender for this purpose alone")
	flags.StringVar(&f.where, "where", "", "`name` of the link, for people, in the profile")
	flags.StringVar(&f.json, "json", "", "write the result as JSON to `FILE`, - for standard output")
}

// check reads the key before anything is measured.
func (f *profileFlags) check() (err error) {
	if f.output == "" {
		if f.key != "" || f.where != "" {
			return cli.Usagef("--key and --where need -o")
		}
		return nil
	}
	if f.key == "" || f.where == "" {
		return cli.Usagef("-o needs --key and --where")
	}
	if err := bench.CheckPlace(f.where); err != nil {
		return cli.Usagef("--where: %w", err)
	}
	if _, err := os.Lstat(f.output); err == nil {
		return cli.Usagef("-o %s: it is there already", f.output)
	}
	f.secret, err = keyfile.SenderKey(f.key)
	return err
}

// write writes table or JSON, and the profile. A calibration that can state nothing is written before that is said.
func (f *profileFlags) write(env *cli.Env, c *bench.Calibration, settings map[string]string) error {
	statement, failed := c.State()
	stated := &statement
	if failed != nil {
		stated = nil
	}
	if f.json != "" {
		result, err := bench.NewResult(cli.Version(), bench.KindCalibrate)
		if err != nil {
			return err
		}
		for name, value := range settings {
			result.Settings[name] = value
		}
		c.AddTo(result, stated)
		if err := result.Save(f.json, env.Stdout); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
	if f.json != "-" {
		if err := c.WriteText(env.Stdout, stated); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	if failed != nil || f.output == "" {
		return failed
	}
	profile := bench.Profile{Statement: statement, When: time.Now().UTC().Truncate(time.Second), Where: f.where, By: "pawl-bench " + cli.Version(), Runs: c.Runs()}
	text, err := profile.Sign(f.secret)
	if err != nil {
		return err
	}
	return writeNew(f.output, text)
}

// writeNew writes a file that was not there.
func writeNew(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write profile: %w", err)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// calibrateCommand is "pawl-bench calibrate".
func calibrateCommand(env *cli.Env) *cobra.Command {
	var sweep sweepFlags
	var out profileFlags
	var loss conf.Percent
	var outage, every conf.Duration
	cmd := &cobra.Command{
		Use:   "calibrate",
		Short: "Measure what a link does to packets, and state it for pawl-send",
		Long: `calibrate sends packets at every rate, size and burst, in an order that the seed decides, and tells from what
arrives how much is lost, in which runs, how long outages are and how often they come, what is reordered and
doubled, and what is lost while the link warms up. From that it states, on the safe side, what a sender should
be told (docs/calibrate.md), and signs it: pawl-send takes the file as [link] profile.

Its halves measure a real link: "calibrate receive" on the high side, then "calibrate send" on the low side;
nothing comes back. By itself, as root, it measures a testbed of this machine.`,
		Example: `  pawl-bench calibrate receive --listen 10.9.0.2:4600 -o diode2.profile --key bench.key --where "rack 4, diode 2"
  pawl-bench calibrate send --remote 10.9.0.2:4600 --rate 500Mbit/s,1Gbit/s --turns 30
  pawl-bench calibrate --loss 0.5% --outage 5ms --every 200ms --rate 200Mbit/s --each 1s --json calibrate.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (outage == 0) != (every == 0) {
				return cli.Usagef("--outage and --every need each other")
			}
			scenario, err := sweep.scenario()
			if err != nil {
				return err
			}
			if err := out.check(); err != nil {
				return err
			}
			roomToPace(env)
			show := newProgress(env.Stderr)
			c, err := scenario.OnTestbed(cmd.Context(), testbed.Loss{Random: float64(loss), Outage: time.Duration(outage), Every: time.Duration(every)}, show.step)
			show.end()
			if err != nil {
				return err
			}
			return out.write(env, c, map[string]string{"loss": loss.String(), "outage": outage.String(), "every": every.String(), "seed": fmt.Sprint(scenario.Seed)})
		},
	}
	sweep.add(cmd)
	out.add(cmd)
	flags := cmd.Flags()
	flags.TextVar(&loss, "loss", loss, "of the testbed: packets lost one by one, as `0.5%`")
	flags.TextVar(&outage, "outage", outage, "of the testbed: nothing crosses for this long, as `5ms`")
	flags.TextVar(&every, "every", every, "of the testbed: time from outage to outage, as `100ms`")
	cmd.AddCommand(calibrateSendCommand(env), calibrateReceiveCommand(env))
	return cmd
}

// calibrateSendCommand is "pawl-bench calibrate send", the low half.
func calibrateSendCommand(env *cli.Env) *cobra.Command {
	var sweep sweepFlags
	var half bench.LinkSend
	cmd := &cobra.Command{
		Use:   "send",
		Short: "The low half: play a sweep to whoever listens",
		Long: `send plays the sweep; its packets say by themselves what is sent. Start "pawl-bench calibrate receive" on the
high side first. Outages that come once in an hour are seen by those who measure for hours: give --turns
enough of them.`,
		Example: `  pawl-bench calibrate send --remote 10.9.0.2:4600
  pawl-bench calibrate send --remote 10.9.0.2:4600 --rate 1Gbit/s --burst 1,44 --each 10s --turns 360`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			host, _, err := net.SplitHostPort(half.Remote)
			ip := net.ParseIP(host)
			if err != nil || ip == nil {
				return cli.Usagef("--remote %q is no address:port, as 10.9.0.2:4600", half.Remote)
			}
			sweep.IPv6 = ip.To4() == nil
			scenario, err := sweep.scenario()
			if err != nil {
				return err
			}
			if half.Steps, err = scenario.Steps(); err != nil {
				return err
			}
			roomToPace(env)
			show := newProgress(env.Stderr)
			err = half.Run(cmd.Context(), show.step)
			show.end()
			return err
		},
	}
	sweep.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&half.Remote, "remote", "", "`address:port` of the receiver")
	flags.StringVar(&half.Local, "local", "", "`address:0` to send from; default by route")
	return cmd
}

// calibrateReceiveCommand is "pawl-bench calibrate receive", the high half.
func calibrateReceiveCommand(env *cli.Env) *cobra.Command {
	var half bench.CalibrateListen
	var out profileFlags
	buffer := conf.Size(32 << 20)
	cmd := &cobra.Command{
		Use:   "receive",
		Short: "The high half: listen to one sweep, state what the link does, write a signed profile",
		Long: `receive listens to one run of "pawl-bench calibrate send" and writes what became of it, and with -o the profile.
Carry the profile to the low side by hand; the key that signs it is made on the high side and for this alone,
never a sender's own, and its public half is profile_key in pawl-send.toml.`,
		Example: `  pawl-key sender -o bench.key
  pawl-bench calibrate receive --listen 10.9.0.2:4600 -o diode2.profile --key bench.key --where "rack 4, diode 2" --json diode2.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := netip.ParseAddrPort(half.Listen); err != nil {
				return cli.Usagef("--listen %q is no address:port, as 10.9.0.2:4600", half.Listen)
			}
			if half.Idle <= 0 || half.Wait < 0 {
				return cli.Usagef("--idle must be above 0, --wait not below")
			}
			if err := out.check(); err != nil {
				return err
			}
			half.ReceiveBuffer = int(buffer)
			show := newProgress(env.Stderr)
			c, err := half.Run(cmd.Context(), func(at netip.AddrPort) { fmt.Fprintf(env.Stderr, "%s%v\n", bench.ListenWord, at) }, show.step)
			show.end()
			if err != nil {
				return err
			}
			return out.write(env, c, map[string]string{"half": "receive", "largest mtu": fmt.Sprint(half.MTU)})
		},
	}
	out.add(cmd)
	flags := cmd.Flags()
	flags.StringVar(&half.Listen, "listen", "", "`address:port` to listen on")
	flags.IntVar(&half.MTU, "mtu", 9000, "largest `MTU` of the sweep")
	flags.TextVar(&buffer, "receive-buffer", buffer, "`octets` asked for the socket's buffer")
	flags.DurationVar(&half.Wait, "wait", 0, "`time` that the first packet may take; 0: for ever")
	flags.DurationVar(&half.Idle, "idle", 10*time.Second, "end when nothing came for this `time` after something did")
	return cmd
}

// roomToPace leaves the goroutine that paces a place of the scheduler's own, as pawl-send does.
func roomToPace(env *cli.Env) {
	if env.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	}
}
