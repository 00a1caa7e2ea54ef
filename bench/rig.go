package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"pawl/hw/testbed"
	"pawl/receiver"
	"pawl/receiver/quarantine"
	"pawl/sender"
)

// rig is the real programs with their keys, configurations and folders, around a link:
//
//	<dir>/low/   sender.key pawl-send.toml channel/{outbox,...} state/ socket
//	<dir>/high/  receiver.key pawl-receive.toml pawl-release.toml quarantine/ state/ inbox/
//	<dir>/source/                     what is sent
type rig struct {
	dir      string
	highDir  string // of what is <dir>/high above; "": there
	keys     string // folder of the keys; "": they are made, each in its side's folder
	programs string // folder of the executables
	command  func(side testbed.Side, name string, args ...string) *exec.Cmd
	settings settings

	send, receive, release *program
	taken                  map[string]*usage // by program's name, of the runs that have ended
	dropped                uint64            // kernel drops of receivers that have ended
}

// settings are what the two sides are configured with.
type settings struct {
	remote, listen    netip.AddrPort
	more              []netip.AddrPort // of further links
	survive           int              // links that may be lost
	mtu               int
	rate              uint64  // bit/s on the wire
	loss              float64 // as stated to the sender's planner
	burst, burstEvery time.Duration
	seal              string
	passes            int
	passGap           time.Duration
	load              bool // a second channel beside the first one, which is urgent then
}

const (
	channelName = "bench"
	// idle is short, so that a transfer beyond the plan is put aside soon; longer than any outage or start.
	idle = 5 * time.Second
)

// programsBeside is the folder of this executable, if the other programs are there too.
func programsBeside() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.Dir(self), checkPrograms(filepath.Dir(self))
}

func checkPrograms(dir string) error {
	for _, name := range []string{"pawl-key", "pawl-send", "pawl-receive", "pawl-release"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s is needed beside pawl-bench (make build): %w", name, err)
		}
	}
	return nil
}

// memoryFolder is where Linux systems have a memory file system.
const memoryFolder = "/dev/shm"

// workFolder makes a new folder below base, "" for where memory serves as disk, if it does.
func workFolder(base string) (string, error) {
	if base == "" {
		base = os.TempDir()
		if info, err := os.Stat(memoryFolder); err == nil && info.IsDir() {
			base = memoryFolder
		}
	}
	return os.MkdirTemp(base, "pawl-bench-")
}

func (r *rig) low(elements ...string) string {
	return filepath.Join(append([]string{r.dir, "low"}, elements...)...)
}

func (r *rig) high(elements ...string) string {
	if r.highDir != "" {
		return filepath.Join(append([]string{r.highDir}, elements...)...)
	}
	return filepath.Join(append([]string{r.dir, "high"}, elements...)...)
}

func (r *rig) source(name string) string { return filepath.Join(r.dir, "source", name) }
func (r *rig) inbox(name string) string  { return r.high("inbox", name) }
func (r *rig) socket() string            { return r.low("socket") }

// prepare makes folders, keys and configurations.
func (r *rig) prepare() error {
	r.taken = map[string]*usage{}
	folders := []string{r.low(loadName), r.high("inbox-" + loadName), r.low("state"), r.high("state"), r.high("inbox"), r.source("")}
	for _, state := range []string{"outbox", "claimed", "sent", "refused"} {
		folders = append(folders, r.low("channel", state))
	}
	for _, folder := range folders {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
	}
	if err := r.makeKeys(); err != nil {
		return err
	}
	for file, text := range map[string]string{
		r.low("pawl-send.toml"): r.sendConfig(), r.high("pawl-receive.toml"): r.receiveConfig(), r.high("pawl-release.toml"): r.releaseConfig(),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys makes the two identities, if there are none.
func (r *rig) makeKeys() error {
	if r.keys != "" {
		return nil
	}
	for _, role := range []string{"sender", "receiver"} {
		if out, err := exec.Command(filepath.Join(r.programs, "pawl-key"), role, "-o", r.key(role, "")).CombinedOutput(); err != nil {
			return fmt.Errorf("pawl-key %s: %w: %s", role, err, out)
		}
	}
	return nil
}

// key is the file of an identity; suffix is "" or ".pub".
func (r *rig) key(role, suffix string) string {
	file := role + ".key" + suffix
	switch {
	case r.keys != "":
		return filepath.Join(r.keys, file)
	case role == "sender":
		return r.low(file)
	}
	return r.high(file)
}

// start runs one of the programs from its configuration.
func (r *rig) start(side testbed.Side, name, config string) (*program, error) {
	cmd := r.command(side, filepath.Join(r.programs, name), "run", "-c", config)
	return start(cmd, name, filepath.Join(filepath.Dir(config), name+".log"))
}

// startSend starts pawl-send and waits until it answers.
func (r *rig) startSend(ctx context.Context) (err error) {
	if r.send, err = r.start(testbed.Low, "pawl-send", r.low("pawl-send.toml")); err != nil {
		return err
	}
	return await(ctx, "pawl-send to answer", []*program{r.send}, func() (bool, error) {
		_, err := sender.AskStatus(ctx, r.socket())
		return err == nil, nil // until it listens, that is an error
	})
}

// startReceive starts pawl-receive and waits until it has written its first status.
func (r *rig) startReceive(ctx context.Context) (err error) {
	if err := os.Remove(r.high("state", "status.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.receive, err = r.start(testbed.High, "pawl-receive", r.high("pawl-receive.toml")); err != nil {
		return err
	}
	return await(ctx, "pawl-receive to write its status", []*program{r.receive}, func() (bool, error) {
		_, err := os.Stat(r.high("state", "status.json"))
		return err == nil, nil
	})
}

// killReceive ends pawl-receive as a power cut would, and keeps what it had counted.
func (r *rig) killReceive() error {
	u, err := r.receive.kill()
	if err != nil {
		return err
	}
	r.take(r.receive, u)
	s, err := r.receiveStatus()
	r.dropped += s.KernelDrops
	r.receive = nil
	return err
}

func (r *rig) startRelease() (err error) {
	r.release, err = r.start(testbed.High, "pawl-release", r.high("pawl-release.toml"))
	return err
}

// running are the programs that run.
func (r *rig) running() (all []*program) {
	for _, p := range []*program{r.send, r.receive, r.release} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// stop ends all programs, the sender first.
func (r *rig) stop() error {
	var errs []error
	for _, p := range r.running() {
		u, err := p.stop()
		r.take(p, u)
		errs = append(errs, err)
	}
	r.send, r.receive, r.release = nil, nil, nil
	return errors.Join(errs...)
}

func (r *rig) take(p *program, u usage) {
	if r.taken[p.name] == nil {
		r.taken[p.name] = new(usage)
	}
	r.taken[p.name].add(u)
}

// used is what a program has taken in all its runs.
func (r *rig) used(name string) usage {
	if u := r.taken[name]; u != nil {
		return *u
	}
	return usage{}
}

func (r *rig) receiveStatus() (s receiver.Status, err error) {
	text, err := os.ReadFile(r.high("state", "status.json"))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// stands is the transfer's place in the quarantine, the furthest if a move is under way;
// "" while there is none. The rig's quarantine has one transfer.
func (r *rig) stands() (quarantine.State, quarantine.ID, error) {
	store, err := quarantine.View(r.high("quarantine"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", quarantine.ID{}, nil
	}
	if err != nil {
		return "", quarantine.ID{}, err
	}
	var at quarantine.State
	var id quarantine.ID
	for _, state := range quarantine.States() {
		ids, err := store.List(state)
		if err != nil {
			return "", id, err
		}
		if len(ids) > 0 {
			at, id = state, ids[len(ids)-1]
		}
	}
	return at, id, nil
}
