package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"pawl/hw/testbed"
	"pawl/sender"
)

// DemoScenario is a walk through the whole path for someone who sees Pawl for the first time.
type DemoScenario struct {
	Seed     uint64
	Loopback bool   // take the loopback path even where a testbed is possible
	Programs string // folder of the programs; "" is that of this executable
}

// ErrDiffers means that what came out is not what went in.
var ErrDiffers = errors.New("what arrived is not what was sent")

const (
	demoLoss = 0.01
	demoRate = 200e6 // bit/s on the wire: a machine of any kind keeps up, and one sees something move
	demoSize = 24 << 20
	demoTime = time.Minute // after which something is wrong
)

// demo is a demonstration under way.
type demo struct {
	DemoScenario
	w    io.Writer
	rig  *rig
	bed  *testbed.Bed // nil on the loopback path
	wire *relay       // nil on the testbed
	step int          // that was told last
}

// Run plays the demonstration and writes what happens to w. The error wraps ErrDiffers if
// one byte, name, time or executable bit arrives changed.
func (s DemoScenario) Run(ctx context.Context, w io.Writer) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	if s.Programs == "" {
		s.Programs, err = programsBeside()
	} else {
		err = checkPrograms(s.Programs)
	}
	if err != nil {
		return err
	}
	dir, err := workFolder("")
	if err != nil {
		return err
	}
	d := &demo{DemoScenario: s, w: w, rig: &rig{dir: dir, programs: s.Programs, settings: settings{
		mtu: 1500, rate: demoRate, loss: demoLoss, seal: "aes-256-gcm", passes: 1}}}
	defer func() { err = errors.Join(err, d.rig.stop(), d.unplug(), os.RemoveAll(dir)) }()
	fmt.Fprintf(w, "Pawl carries files across a one-way link. This happens in %s, which is removed at the end.\n", dir)
	if err := d.plug(); err != nil {
		return err
	}
	return d.play(ctx)
}

// entry is what is dropped into the outbox in one piece.
type entry struct {
	name string
	survey
}

// tell writes one numbered step; more adds to it.
func (d *demo) tell(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.w, "\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demo) more(format string, args ...any) {
	fmt.Fprintf(d.w, "   %s\n", fmt.Sprintf(format, args...))
}

// plug makes the one-way link.
func (d *demo) plug() (err error) {
	why := testbed.Available()
	if why == nil && !d.Loopback {
		if err := testbed.Sweep(); err != nil {
			return err
		}
		if d.bed, err = testbed.Up(testbed.Config{Loss: testbed.Loss{Random: demoLoss}}); err != nil {
			return err
		}
		d.rig.command = d.bed.Command
		there := netip.AddrPortFrom(d.bed.Address(testbed.High, 0), port)
		d.rig.settings.remote, d.rig.settings.listen = there, there
		d.tell("The link: two network namespaces and a wire between them. The kernel loses %g %% of the packets,", demoLoss*100)
		d.more("and drops and counts whatever would go back.")
		return nil
	}
	if d.rig.settings.listen, err = freePort(); err != nil {
		return err
	}
	if d.wire, err = startRelay(d.rig.settings.listen, demoLoss, nil, d.Seed); err != nil {
		return err
	}
	d.rig.settings.remote = d.wire.address()
	d.rig.command = func(_ testbed.Side, name string, args ...string) *exec.Cmd { return exec.Command(name, args...) }
	d.tell("The link: loopback, through a relay that passes packets one way only and loses %g %% of them (seed %d).", demoLoss*100, d.Seed)
	if why != nil {
		d.more("(As root it would be two network namespaces: %v.)", why)
	}
	return nil
}

func (d *demo) unplug() error {
	var errs []error
	if d.bed != nil {
		errs = append(errs, d.bed.Down())
	}
	if d.wire != nil {
		errs = append(errs, d.wire.Close())
	}
	return errors.Join(errs...)
}

func (d *demo) play(ctx context.Context) error {
	sent, err := d.prepare()
	if err != nil {
		return err
	}
	if err := d.startPrograms(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := d.drop(sent); err != nil {
		return err
	}
	if err := d.watch(ctx, sent, began); err != nil {
		return err
	}
	if err := d.quarantine(); err != nil {
		return err
	}
	if err := d.account(ctx); err != nil {
		return err
	}
	return d.compare(sent)
}

// quarantine shows what the people of the high side see.
func (d *demo) quarantine() error {
	list, err := exec.Command(filepath.Join(d.Programs, "pawl-release"), "list", "-c", d.rig.high("pawl-release.toml")).Output()
	if err != nil {
		return fmt.Errorf("pawl-release list: %w", err)
	}
	d.tell("Nobody had to approve them: the channel says release = \"auto\". `pawl-release list` on the high side:")
	for line := range strings.Lines(string(list)) {
		d.more("%s", strings.TrimRight(line, "\n"))
	}
	return nil
}

// prepare makes keys and the files that cross: a large one, and a folder of odd things.
func (d *demo) prepare() ([]entry, error) {
	if err := d.rig.prepare(); err != nil {
		return nil, err
	}
	d.tell("Two keys. The sender signs what it sends; what it sends is sealed to the receiver.")
	for _, key := range []string{d.rig.low("sender.key.pub"), d.rig.high("receiver.key.pub")} {
		text, err := exec.Command(filepath.Join(d.Programs, "pawl-key"), "show", key).Output()
		if err != nil {
			return nil, fmt.Errorf("pawl-key show: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if name, print, ok := strings.Cut(line, "fingerprint: "); ok && strings.HasPrefix(name, "#") {
				d.more("%-16s %s", filepath.Base(key), strings.TrimSpace(print))
			}
		}
	}
	var sent []entry
	for _, part := range []struct {
		mix  Mix
		size uint64
	}{{MixRandom, demoSize}, {MixOdd, 0}} {
		name, err := part.mix.make(d.rig.source(""), part.size, d.Seed)
		if err != nil {
			return nil, err
		}
		s, err := takeSurvey(d.rig.source(name))
		if err != nil {
			return nil, err
		}
		sent = append(sent, entry{name, s})
	}
	return sent, nil
}

func (d *demo) startPrograms(ctx context.Context) error {
	if err := d.rig.startReceive(ctx); err != nil {
		return err
	}
	if err := d.rig.startRelease(); err != nil {
		return err
	}
	if err := d.rig.startSend(ctx); err != nil {
		return err
	}
	d.tell("Three programs. Low side: pawl-send. High side: pawl-receive, which faces the link, and pawl-release,")
	d.more("which faces people. Those two share nothing but a folder, the quarantine.")
	return nil
}

// drop puts the entries into the outbox as people do: by moving them in.
func (d *demo) drop(sent []entry) error {
	d.tell("Into the outbox of the low side go")
	for _, e := range sent {
		bytes, files := e.content()
		what := "one file"
		if e.survey["."].dir {
			what = fmt.Sprintf("a folder with %d files and %d folders, odd names and empty ones among them", files, len(e.survey)-files)
		}
		d.more("%-14q %s, %.1f MB", e.name, what, float64(bytes)/1e6)
		if err := os.Rename(d.rig.source(e.name), d.rig.low("channel", "outbox", e.name)); err != nil {
			return err
		}
	}
	return nil
}

// watch waits until every entry is in the inbox.
func (d *demo) watch(ctx context.Context, sent []entry, began time.Time) error {
	d.tell("They cross: claimed, read, coded, sealed, sent; opened, rebuilt, checked, released.")
	arrived := map[string]bool{}
	return await(ctx, "the files in the inbox", d.rig.running(), func() (bool, error) {
		for _, e := range sent {
			_, err := os.Lstat(d.rig.inbox(e.name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, err
			}
			if err == nil && !arrived[e.name] {
				arrived[e.name] = true
				d.more("%-14q is in the inbox after %.1f s", e.name, time.Since(began).Seconds())
			}
		}
		return len(arrived) == len(sent), nil
	})
}

// account says what happened on the way.
func (d *demo) account(ctx context.Context) error {
	low, err := sender.AskStatus(ctx, d.rig.socket())
	if err != nil {
		return err
	}
	if err := d.rig.stop(); err != nil {
		return err
	}
	high, err := d.rig.receiveStatus()
	if err != nil {
		return err
	}
	d.tell("What happened on the way")
	if d.bed != nil {
		lost, err := d.bed.Lost()
		if err != nil {
			return err
		}
		back, err := d.bed.ReversePackets()
		if err != nil {
			return err
		}
		d.more("%d packets sent, %d lost on the link, %d tried to go back", low.Packets, lost, back)
		if back != 0 {
			return fmt.Errorf("%d packets went from the high side to the low side", back)
		}
	} else {
		d.more("%d packets sent, %d lost in the relay", low.Packets, d.wire.lost.Load())
	}
	l := high.Ledger
	d.more("pawl-receive: %d packets of content and plans, %d repair, %d not needed, %d sessions and beats", l.Delivered.Packets,
		l.Repair.Packets, l.Duplicate.Packets, l.Control.Packets)
	d.more("%d source blocks had losses and were rebuilt by arithmetic; nothing was asked for again", high.Rebuilt)
	return nil
}

// compare holds the inbox against what was dropped.
func (d *demo) compare(sent []entry) error {
	d.tell("Compared, SHA-256 of every file, names, times and executable bits:")
	differs := false
	for _, e := range sent {
		arrived, err := takeSurvey(d.rig.inbox(e.name))
		if err != nil {
			return err
		}
		lines := e.differences(arrived)
		verdict := "identical"
		if len(lines) > 0 {
			differs, verdict = true, "NOT the same"
		}
		d.more("%-14q %s", e.name, verdict)
		for _, line := range lines[:min(len(lines), maxDifferences)] {
			d.more("  %s", line)
		}
	}
	if differs {
		return ErrDiffers
	}
	fmt.Fprintln(d.w)
	return nil
}
