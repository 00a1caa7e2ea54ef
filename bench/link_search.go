package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"pawl/hw/link"
	"pawl/hw/testbed"
)

// LinkSearch finds the highest rate without loss on a testbed, by bisection: each step runs
// both halves of the link scenario, as programs of their own, for a moment at one rate.
type LinkSearch struct {
	MTUs       []int
	Methods    []LinkMethods
	From, To   uint64        // bit/s on the wire: the search is between them
	Resolution float64       // ends when the rates with and without loss are so close, as 0.05
	Duration   time.Duration // of a step
	Samples    int           // searches for each case
	Seed       uint64
	Program    string // pawl-bench; "" is this executable
	Uncut      bool   // as testbed.Config
}

// LinkMethods are the methods of the two ends.
type LinkMethods struct{ Send, Receive link.Method }

// String is "gso+gro".
func (m LinkMethods) String() string { return string(m.Send) + "+" + string(m.Receive) }

// ListenWord begins the line that "pawl-bench link receive" writes once packets can come.
const ListenWord = "listening on "

// enough is the share of the asked rate that a sender must reach for a step to count.
const enough = 0.97

// Run searches every case, one row each.
func (s LinkSearch) Run(ctx context.Context, version string, say func(done, total int, line string)) (*Result, error) {
	err := testbed.Available()
	if err == nil {
		err = testbed.Sweep()
	}
	if err == nil && s.Program == "" {
		s.Program, err = os.Executable()
	}
	if err != nil {
		return nil, err
	}
	result, err := NewResult(version, KindLink)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"from": bits(s.From), "to": bits(s.To), "resolution": fmt.Sprint(s.Resolution), "duration": s.Duration.String(),
		"samples": strconv.Itoa(s.Samples), "seed": strconv.FormatUint(s.Seed, 10), "uncut": strconv.FormatBool(s.Uncut),
	} {
		result.Settings[name] = value
	}
	total := len(s.MTUs) * len(s.Methods) * s.Samples
	for i, mtu := range s.MTUs {
		rows, err := s.searchMTU(ctx, mtu, func(n int, line string) { say(i*len(s.Methods)*s.Samples+n, total, line) })
		if err != nil {
			return nil, fmt.Errorf("MTU %d: %w", mtu, err)
		}
		result.Rows = append(result.Rows, rows...)
	}
	say(total, total, "done")
	return result, nil
}

func (s *LinkSearch) searchMTU(ctx context.Context, mtu int, say func(n int, line string)) (rows []Row, err error) {
	bed, err := testbed.Up(testbed.Config{MTU: mtu, Uncut: s.Uncut})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bed.Down()) }()
	for i, methods := range s.Methods {
		row := NewRow(fmt.Sprintf("mtu=%d/%v", mtu, methods))
		row.Values["mtu"] = float64(mtu)
		for n := range s.Samples {
			damaged := 0.0
			try := func(rate uint64) (*Row, error) {
				say(i*s.Samples+n, fmt.Sprintf("%s at %s", row.Name, bits(rate)))
				step, err := s.step(ctx, bed, NewLinkStep(mtu-28, rate, methods.Send, s.Duration, s.Seed), methods.Receive)
				if err == nil {
					damaged += step.Values["damaged_packets"]
				}
				return step, err
			}
			best, limited, err := searchRate(s.From, s.To, s.Resolution, try)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", methods, err)
			}
			row.take(best, limited)
			row.Sample("damaged_packets", damaged) // of all steps: one is too many
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// take enters the best step of one search; nil: even the lowest rate lost.
func (row *Row) take(best *Row, limited bool) {
	if best == nil {
		row.Sample("lossless_rate_bps", 0)
		return
	}
	bound := 0.0
	if limited {
		bound = 1
	}
	row.Sample("sender_bound", bound) // 1: the sender could not go faster, nothing was lost
	row.Sample("lossless_rate_bps", best.Values["sent_rate_bps"])
	for _, metric := range []string{"cpu_send_s_per_gb", "cpu_receive_s_per_gb", "delay_spread_s", "reordered_packets", "duplicate_packets"} {
		row.Sample(metric, best.Values[metric])
	}
}

// searchRate finds the highest rate whose step is clean, to a resolution; try plays one. limited
// says that the sender did not reach what was asked and nothing was lost: there is no more to find.
func searchRate(from, to uint64, resolution float64, try func(rate uint64) (*Row, error)) (best *Row, limited bool, err error) {
	low, high := from, to
	for rate := to; ; {
		row, err := try(rate)
		if err != nil {
			return nil, false, err
		}
		switch {
		case row.Values["lost_packets"] > 0 || row.Values["damaged_packets"] > 0:
			high = rate
		case row.Values["sent_rate_bps"] < enough*float64(rate):
			return row, true, nil
		default:
			best, low = row, rate
		}
		if low >= high || best != nil && float64(high) <= float64(low)*(1+resolution) {
			return best, false, nil
		}
		if best == nil && float64(high) <= float64(from)*(1+resolution) {
			if high == from {
				return nil, false, nil
			}
			rate = from
			continue
		}
		rate = uint64(math.Sqrt(float64(low) * float64(high)))
	}
}

// NewLinkStep makes a step that lasts about a time, with bursts of about 200 µs: what a
// pacer makes up at most, and GSO packets fill.
func NewLinkStep(size int, rate uint64, method link.Method, duration time.Duration, seed uint64) LinkStep {
	perSecond := float64(rate) / 8 / float64(link.WireSize(size, false))
	if rate == 0 {
		perSecond = 1e6 // more than a core sends
	}
	burst := int(perSecond * 200e-6)
	return LinkStep{
		Size: size, Rate: rate, Method: method, Seed: seed,
		Burst: min(max(burst, 1), max(1, MaxLinkSize/size)),
		Count: int(min(max(perSecond*duration.Seconds(), 1), MaxLinkCount)),
	}
}

// step runs both halves for one step and returns the receiver's row of it.
func (s *LinkSearch) step(ctx context.Context, bed *testbed.Bed, step LinkStep, method link.Method) (*Row, error) {
	address := fmt.Sprintf("%v:%d", bed.Address(testbed.High, 0), port)
	receive := bed.Command(testbed.High, s.Program, "link", "receive", "--listen", address, "--size", strconv.Itoa(step.Size),
		"--method", string(method), "--idle", "3s", "--json", "-")
	send := bed.Command(testbed.Low, s.Program, "link", "send", "--remote", address, "--size", strconv.Itoa(step.Size),
		"--method", string(step.Method), "--rate", fmt.Sprintf("%dbit/s", step.Rate), "--burst", strconv.Itoa(step.Burst),
		"--duration", s.Duration.String(), "--seed", strconv.FormatUint(step.Seed, 10))
	result, err := runHalves(ctx, receive, send)
	if err != nil {
		return nil, err
	}
	if fell := result.Settings["fell back"]; fell != "" {
		return nil, fmt.Errorf("this machine refused the method: %s", fell)
	}
	for i := range result.Rows {
		if result.Rows[i].Name == step.name() {
			return &result.Rows[i], nil
		}
	}
	return nil, fmt.Errorf("the receiver's result has no step %s", step.name())
}

// runHalves starts a receiver, the sender once it listens, and returns what the receiver says.
func runHalves(ctx context.Context, receive, send *exec.Cmd) (result *Result, err error) {
	var stdout, said bytes.Buffer
	receive.Stdout = &stdout
	stderr, err := receive.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := receive.Start(); err != nil {
		return nil, fmt.Errorf("start the receiving half: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = receive.Process.Kill() }) // it may have ended
	defer stop()
	lines := bufio.NewReader(io.TeeReader(stderr, &said))
	listening := false
	for !listening {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // it has ended: Wait tells how
		}
		listening = strings.HasPrefix(line, ListenWord)
	}
	var sendErr error
	if listening {
		var out []byte
		if out, sendErr = send.CombinedOutput(); sendErr != nil {
			sendErr = fmt.Errorf("the sending half: %w: %s", sendErr, out)
			_ = receive.Process.Kill() // it may have ended
		}
	}
	_, err = io.Copy(io.Discard, lines) // until it ends
	err = errors.Join(err, receive.Wait())
	if sendErr != nil || ctx.Err() != nil {
		return nil, errors.Join(context.Cause(ctx), sendErr)
	}
	// Damage makes the half end with 1, after it has written its result.
	result, readErr := ReadResult(&stdout)
	if readErr != nil {
		return nil, fmt.Errorf("the receiving half: %w: %s", errors.Join(err, readErr), said.String())
	}
	return result, nil
}
