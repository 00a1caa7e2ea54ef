package sender

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pawl/fec"
	"pawl/framing/seal"
	"pawl/framing/ticket"
	"pawl/hw/link"
)

// sentTree is a daemon that has sent one transfer of two files out of the outbox: its id, and its record.
func sentTree(t *testing.T, cfg Config, socket string) (*daemon, *record) {
	t.Helper()
	plant(t, cfg.Channels[0].Folder, map[string]string{"outbox/": ""})
	plant(t, filepath.Join(cfg.Channels[0].Folder, "outbox"), map[string]string{"top/a": noise(1, 3_000_000), "top/b": noise(2, 2_000_000), "top/c": ""})
	d := start(t, cfg)
	id := d.done("sent", 1)[0]
	return d, must(loadRecord(filepath.Join(d.dir, "sent", transferID(7, id))))(t)
}

func repairConfig(t *testing.T) (Config, string) {
	dir := t.TempDir()
	cfg := testConfig(dir, newCatcher(t))
	cfg.Socket, cfg.Pacer = filepath.Join(dir, "s"), link.NewPacer(0, 0)
	cfg.Channels[0].Quiet = 10 * time.Millisecond
	return cfg, cfg.Socket
}

func ticketText(t *testing.T, k *ticket.Ticket) string {
	t.Helper()
	return must(k.Text())(t)
}

// TestRepairNeverSendsWhatChanged: content that is gone or differs by one byte, of the same size and with the same times, is
// named and nothing leaves; a block of a file that is as it was is sent all the same.
func TestRepairNeverSendsWhatChanged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(file string) error
		want   string
	}{
		"other bytes": {func(p string) error {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte{0}, 1_999_999)
			return errors.Join(err, f.Close(), os.Chtimes(p, info.ModTime(), info.ModTime()))
		}, `"top/b": has other bytes than were sent`},
		"gone":   {os.Remove, `"top/b": cannot be read: `},
		"longer": {func(p string) error { return os.Truncate(p, 2_000_001) }, `"top/b": has 2000001 octets, 2000000 were sent`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, socket := repairConfig(t)
			d, rec := sentTree(t, cfg, socket)
			defer d.stop()
			if err := c.change(filepath.Join(d.dir, "sent", rec.ID, "top", "b")); err != nil {
				t.Fatal(err)
			}
			part := must(fec.NewPartition(rec.Body.Length, testT, rec.Body.K))(t)
			last := part.Blocks() - 1
			before := len(symbols(d.link.all()))
			ask := func(block uint32) error {
				k := &ticket.Ticket{Transfer: ticket.DigestOf(7, rec.Transfer), Content: ticket.Need{Runs: []ticket.Run{{First: block, Last: block}}}}
				return Repair(t.Context(), socket, ticketText(t, k), false, func(Progress) {})
			}
			if err := ask(last); !errors.Is(err, ErrUnrepaired) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if now := len(symbols(d.link.all())); now != before {
				t.Errorf("%d symbols left", now-before)
			}
			if err := ask(0); err != nil {
				t.Errorf("a block of another file: %v", err)
			}
			all := symbols(d.link.all())[before:]
			k := part.K(0)
			if len(all) != k+k/repairSpare {
				t.Errorf("%d symbols for a block of %d", len(all), k)
			}
			for _, p := range all {
				if p.h.Block != 0 || p.h.Transfer != rec.Transfer || int(p.h.R) != rec.Body.R {
					t.Fatalf("symbol %+v", p.h)
				}
			}
			if again := must(loadRecord(filepath.Join(d.dir, "sent", rec.ID)))(t); again.State != StateSent || again.Pass != rec.Pass {
				t.Errorf("record after the repair: %+v", again)
			}
		})
	}
}

// TestRepairRefuses: what no repair can be made of, and what is said.
func TestRepairRefuses(t *testing.T) {
	cfg, socket := repairConfig(t)
	d, rec := sentTree(t, cfg, socket)
	defer d.stop()
	good := ticketText(t, &ticket.Ticket{Transfer: ticket.DigestOf(7, rec.Transfer), Plan: ticket.Need{Whole: true}})
	wrong := strings.Replace(good, good[6:7], map[bool]string{true: "Z", false: "Y"}[good[6] != 'Z'], 1)
	for text, want := range map[string]string{
		wrong: "group ",
		"":    "nothing was typed",
		ticketText(t, &ticket.Ticket{Transfer: ticket.DigestOf(7, 1), Plan: ticket.Need{Whole: true}}):                                                 "of no transfer that is here",
		ticketText(t, &ticket.Ticket{Transfer: ticket.DigestOf(7, rec.Transfer), Content: ticket.Need{Runs: []ticket.Run{{First: 0, Last: 1 << 20}}}}): "it is not of this transfer",
	} {
		if err := Repair(t.Context(), socket, text, false, func(Progress) {}); !errors.Is(err, ErrUnrepaired) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := Repair(t.Context(), socket, good, false, func(Progress) {}); err != nil {
		t.Errorf("the plan: %v", err)
	}
	// While it lies in claimed/ for a pass, and when it was given up.
	sent, claimed := filepath.Join(d.dir, "sent", rec.ID), filepath.Join(d.dir, "claimed", rec.ID)
	if err := os.Rename(sent, claimed); err != nil {
		t.Fatal(err)
	}
	if err := Repair(t.Context(), socket, good, false, func(Progress) {}); err == nil || !strings.Contains(err.Error(), "still being sent") {
		t.Errorf("claimed: %v", err)
	}
	if err := os.Rename(claimed, sent); err != nil {
		t.Fatal(err)
	}
	rec.State, rec.Reason = StateAborted, "changed while it was read"
	if err := rec.store(sent); err != nil {
		t.Fatal(err)
	}
	if err := Repair(t.Context(), socket, good, false, func(Progress) {}); err == nil || !strings.Contains(err.Error(), "aborted and can't become whole: changed while") {
		t.Errorf("aborted: %v", err)
	}
}

// TestTicketOfSevenBlocks: whatever the planner cuts 10 GiB into, the ticket for 7 missing blocks has at most 60 characters, hyphens
// and all, wherever they are.
func TestTicketOfSevenBlocks(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	longest, most := 0, uint32(0)
	for _, loss := range []float64{0, 0.001, 0.01, 0.05, 0.2} {
		for _, burst := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond} {
			for _, size := range []int{1408, 8896} {
				for _, rate := range []uint64{100e6, 1e9, 10e9} {
					f := fec.Link{Loss: loss, Burst: burst, BurstEvery: 10 * time.Second, Rate: rate, SymbolSize: size, WireSize: size + 130}
					geo, err := newPlanner(f).object(10 << 30)
					if err != nil {
						continue // no code bears that
					}
					blocks := must(fec.NewPartition(geo.Length, size, geo.K))(t).Blocks()
					most = max(most, blocks)
					for n := range 40 {
						chosen := map[uint32]bool{}
						spread := blocks
						if n%3 == 0 { // at the end, near each other
							spread = min(blocks, 64)
						}
						for i := uint32(0); len(chosen) < 7; i++ {
							if n == 1 { // as far apart as can be
								chosen[(i+1)*(blocks/8)+i%2] = true
								continue
							}
							chosen[blocks-1-rng.Uint32N(spread)] = true
						}
						k := &ticket.Ticket{Transfer: ticket.Digest(rng.Uint64N(1 << 40))}
						for b := range blocks {
							if at := len(k.Content.Runs); !chosen[b] {
								continue
							} else if at > 0 && k.Content.Runs[at-1].Last+1 == b {
								k.Content.Runs[at-1].Last = b
							} else {
								k.Content.Runs = append(k.Content.Runs, ticket.Run{First: b, Last: b})
							}
						}
						if text := ticketText(t, k); len(text) > 60 {
							t.Fatalf("%d of %d blocks: %q has %d characters", 7, blocks, text, len(text))
						} else {
							longest = max(longest, len(text))
						}
					}
				}
			}
		}
	}
	// For so many blocks docs/tickets.md proves the 60 characters.
	if most == 0 || most > 163_839 {
		t.Fatalf("the planner made %d blocks of 10 GiB", most)
	}
	t.Logf("longest ticket %d characters, most blocks %d", longest, most)
}

// TestConfirm: a receipt code marks its transfer, another key's or a mistyped one marks nothing.
func TestConfirm(t *testing.T) {
	cfg, socket := repairConfig(t)
	key := must(seal.GenerateReceiptKey())(t)
	cfg.Receipt = key
	d, rec := sentTree(t, cfg, socket)
	defer d.stop()
	body := must(proofBody(filepath.Join(d.dir, "sent", rec.ID, proofFile)))(t)
	spell := func(k *seal.ReceiptKey, transfer uint64) string {
		mac := k.Receipt(7, transfer, body)
		return ticket.SpellReceipt([ticket.ReceiptSize]byte(mac[:]))
	}
	open := func() int { return len(must(Unconfirmed(t.Context(), socket))(t)) }
	good := spell(key, rec.Transfer)
	if len(good) != 23 || strings.Count(good, "-") != 3 {
		t.Errorf("code %q", good)
	}
	for _, code := range []string{spell(must(seal.GenerateReceiptKey())(t), rec.Transfer), spell(key, rec.Transfer+1), good[:11] + "-" + good[18:], "0" + good[1:5]} {
		if _, err := Confirm(t.Context(), socket, code); !errors.Is(err, ErrDaemon) || open() != 1 {
			t.Errorf("%q: %v", code, err)
		}
	}
	c, err := Confirm(t.Context(), socket, strings.ToLower(strings.ReplaceAll(good, "-", "")))
	if err != nil || c.ID != rec.ID || c.Name != "top" || c.Again || open() != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Confirm(t.Context(), socket, good); err != nil || !c.Again || c.Confirmed == nil {
		t.Errorf("a second time: %+v, %v", c, err)
	}
	// What is repaired afterwards stays confirmed.
	k := ticketText(t, &ticket.Ticket{Transfer: ticket.DigestOf(7, rec.Transfer), Proof: ticket.Need{Whole: true}})
	if err := Repair(t.Context(), socket, k, false, func(Progress) {}); err != nil || open() != 0 {
		t.Errorf("repair of what is confirmed: %v", err)
	}
}
