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
	"slices"
	"strings"
	"time"

	"pawl/hw/testbed"
	"pawl/receiver"
	"pawl/receiver/quarantine"
)

// TransferReceive is the high half of the transfer scenario: it runs pawl-receive and pawl-release and judges what arrives by what each transfer
// says of itself.
type TransferReceive struct {
	Listen   netip.AddrPort
	Keys     string        // folder with receiver.key and sender.key.pub
	MTU      int           // as on the low side; 0 is 1500
	Seal     string        // as on the low side; "" is "aes-256-gcm"
	Expect   int           // transfers that the low side sends; 0: as they say, which needs one to arrive
	Idle     time.Duration // end when nothing came for this long after something did; 0 is 30 s
	Programs string        // folder of the programs; "" is that of this executable
	Work     string        // where to make the work folder; "" is /dev/shm, or else the folder for temporary files
	Version  string        // of this program, for the reports

	command func(side testbed.Side, name string, args ...string) *exec.Cmd // nil: here
}

// ErrNothingCame says that a half heard nothing it could judge.
var ErrNothingCame = errors.New("no transfer came that says what it is")

// half is a TransferReceive under way.
type half struct {
	*TransferReceive
	rig     *rig
	machine Machine
	say     func(string)
	store   *quarantine.Store
	reports []TransferReport
	settled map[quarantine.ID]bool // was taken into account
	of      int                    // transfers that are to come; 0: not known yet
	used    map[string]usage       // by the programs until the last transfer
	missed  uint64                 // packet numbers until the last transfer
	heard   uint64                 // datagrams
	last    time.Time              // when there were more of them; zero: none yet
}

// Run listens until all transfers of one run are settled, or for Idle to nothing. ready is told once packets can come. Each transfer that should have
// come has a report; those that came whole come first.
func (s TransferReceive) Run(ctx context.Context, ready func(netip.AddrPort), say func(string)) (reports []TransferReport, err error) {
	if err := s.defaults(); err != nil {
		return nil, err
	}
	h := &half{TransferReceive: &s, say: say, settled: map[quarantine.ID]bool{}, of: s.Expect, used: map[string]usage{}}
	if h.machine, err = ReadMachine(); err != nil {
		return nil, err
	}
	dir, err := workFolder(s.Work)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h.rig = &rig{dir: dir, keys: s.Keys, programs: s.Programs, command: s.command, settings: settings{
		remote: s.Listen, listen: s.Listen, mtu: s.MTU, rate: 1e9, seal: s.Seal, passes: 1, // the sender's part of it is used by nobody here
	}}
	if err := h.rig.prepare(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.rig.stop()) }()
	if err := h.rig.startReceive(ctx); err != nil {
		return nil, err
	}
	if err := h.rig.startRelease(); err != nil {
		return nil, err
	}
	if h.store, err = quarantine.View(h.rig.high("quarantine")); err != nil {
		return nil, err
	}
	ready(s.Listen)
	if err := await(ctx, "transfers", h.rig.running(), h.look); err != nil {
		return nil, err
	}
	return h.reports, h.short()
}

func (s *TransferReceive) defaults() (err error) {
	if s.MTU == 0 {
		s.MTU = 1500
	}
	if s.Seal == "" {
		s.Seal = sealed
	}
	if s.Idle == 0 {
		s.Idle = 30 * time.Second
	}
	if s.command == nil {
		s.command = here
	}
	if s.Programs == "" {
		s.Programs, err = programsBeside()
		return err
	}
	return checkPrograms(s.Programs)
}

// look judges what has come since the last look; it says whether that was all.
func (h *half) look() (bool, error) {
	ids, err := h.store.List(quarantine.Released)
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if h.settled[id] {
			continue
		}
		if err := h.judge(id); err != nil {
			return false, err
		}
		h.settled[id] = true
	}
	if h.of > 0 && len(h.reports) >= h.of {
		return true, nil
	}
	status, err := h.rig.receiveStatus()
	if err != nil {
		return false, nil // it is being replaced: the next look reads it
	}
	if n := status.Ledger.Delivered.Packets + status.Ledger.Repair.Packets + status.Ledger.Duplicate.Packets + status.Ledger.Control.Packets; n > h.heard {
		h.heard, h.last = n, time.Now()
	}
	return !h.last.IsZero() && time.Since(h.last) > h.Idle, nil
}

// judge reads what one transfer says of itself, holds it against what is there, and removes it to make room.
func (h *half) judge(id quarantine.ID) error {
	entries, err := os.ReadDir(h.rig.inbox(""))
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	if len(entries) == 0 {
		return fmt.Errorf("%s is released and nothing is in the inbox", id)
	}
	top := h.rig.inbox(entries[0].Name()) // of several the oldest: the low side numbers them
	defer func() { _ = os.RemoveAll(top) }()
	told, err := readStatement(filepath.Join(top, statementFile))
	if err != nil {
		return fmt.Errorf("%q: %w", entries[0].Name(), err)
	}
	found, err := takeSurvey(filepath.Join(top, contentFolder))
	if err != nil {
		return err
	}
	if h.of == 0 {
		h.of = told.Of
	}
	report := h.report(told)
	lines := told.survey().differences(found)
	slices.Sort(lines)
	report.Intact, report.Differences, report.State = len(lines) == 0, lines[:min(len(lines), maxDifferences)], quarantine.Released
	report.ContentBytes, report.Files = told.survey().content()
	if err := h.measure(id, report); err != nil {
		return err
	}
	h.say(fmt.Sprintf("transfer %d of %d: %d octets, %.2f Gbit/s, whole: %v", told.Number, told.Of, report.ContentBytes, report.Goodput/1e9, report.Intact))
	h.reports = append(h.reports, *report)
	return nil
}

// report is what a statement tells of a transfer.
func (h *half) report(told *statement) *TransferReport {
	return &TransferReport{
		Pawl: h.Version, Machine: h.machine, Mix: told.Mix, Seed: told.Seed, MTU: told.MTU, Rate: told.Rate, Links: 1, Seal: told.Seal, Passes: told.Passes,
		Loss: told.Stated, Stated: told.Stated, Outage: told.Outage, Every: told.Every, Halves: true,
	}
}

// measure enters times, from the first packet on, and what this side's programs took since the transfer before.
func (h *half) measure(id quarantine.ID, r *TransferReport) error {
	dir := h.store.Dir(quarantine.Released, id)
	text, err := os.ReadFile(filepath.Join(dir, quarantine.NoteFile))
	if err != nil {
		return err
	}
	var note receiver.Note
	if err := json.Unmarshal(text, &note); err != nil {
		return fmt.Errorf("note of %s: %w", id, err)
	}
	t := times{begun: note.Begun}
	if err := recorded(h.store, quarantine.Released, id, &t); err != nil {
		return err
	}
	if t.arrived, err = reached(h.store, id, quarantine.Released, quarantine.Released); err != nil {
		return err
	}
	r.time(&t)
	gb := max(float64(r.ContentBytes), 1) / 1e9
	for _, p := range []struct {
		program *program
		cpu     *float64
		rss     *uint64
	}{{h.rig.receive, &r.CPUReceive, &r.RSSReceive}, {h.rig.release, &r.CPURelease, &r.RSSRelease}} {
		now, err := p.program.sofar()
		if err != nil {
			return err
		}
		*p.cpu, *p.rss = (now.cpu-h.used[p.program.name].cpu).Seconds()/gb, now.peak
		h.used[p.program.name] = now
	}
	status, err := h.rig.receiveStatus()
	if err != nil {
		return err
	}
	r.KernelDrops, r.Ledger, r.Balanced = status.KernelDrops, status.Ledger, status.Ledger.Balanced()
	r.PacketsMissed, h.missed = status.PacketsLost-min(h.missed, status.PacketsLost), status.PacketsLost
	return nil
}

// short adds a report for each transfer that did not come whole.
func (h *half) short() error {
	if len(h.reports) == 0 {
		return ErrNothingCame
	}
	ids, err := h.store.List(quarantine.Incomplete)
	if err != nil {
		return err
	}
	like := h.reports[0]
	for n := 0; len(h.reports) < h.of; n++ {
		lost := TransferReport{
			Pawl: like.Pawl, Machine: like.Machine, Mix: like.Mix, ContentBytes: like.ContentBytes, MTU: like.MTU, Rate: like.Rate, Links: 1, Seal: like.Seal,
			Passes: like.Passes, Loss: like.Loss, Stated: like.Stated, Outage: like.Outage, Every: like.Every, Halves: true, Differences: []string{"did not arrive"},
		}
		if n < len(ids) {
			lost.State, lost.Missing = quarantine.Incomplete, new(quarantine.Missing)
			text, err := os.ReadFile(filepath.Join(h.store.Dir(quarantine.Incomplete, ids[n]), quarantine.MissingFile))
			if err != nil {
				return err
			}
			if err := json.Unmarshal(text, lost.Missing); err != nil {
				return err
			}
		}
		h.reports = append(h.reports, lost)
	}
	return nil
}
