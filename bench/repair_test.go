package bench

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pawl/fec"
	"pawl/framing"
	"pawl/framing/seal"
	"pawl/framing/ticket"
	"pawl/hw/link/linktest"
	"pawl/hw/testbed"
	"pawl/receiver/quarantine"
	"pawl/sender"
)

// tap sees every datagram before the link does, counts the symbols and loses what lose says.
type tap struct {
	symbols atomic.Uint64
	lose    atomic.Pointer[func(framing.Header) bool]
}

func (p *tap) drop(_ uint64, datagram []byte) bool {
	var h framing.Header
	if framing.ParseHeader(datagram, &h) != nil || h.Type != framing.TypeSymbol {
		return false
	}
	p.symbols.Add(1)
	lose := p.lose.Load()
	return lose != nil && (*lose)(h)
}

// incomplete waits for the one transfer to be put aside and returns what it lacks.
func (p *path) incomplete() (quarantine.ID, *quarantine.Missing) {
	p.t.Helper()
	for limit := time.Now().Add(60 * time.Second); time.Now().Before(limit); {
		ids, err := p.store.List(quarantine.Incomplete)
		p.must(err)
		if len(ids) == 1 {
			if m, err := quarantine.ReadMissing(p.store.Dir(quarantine.Incomplete, ids[0])); err == nil {
				return ids[0], m
			}
		}
		select {
		case err := <-p.failed:
			p.t.Fatalf("path: %v", err)
		case <-time.After(5 * time.Millisecond): // looks again
		}
	}
	p.t.Fatalf("no transfer is incomplete; receiver %+v", p.recv.Status())
	return quarantine.ID{}, nil
}

// ticketFor is what pawl-release prints, and the octets of source symbols it asks for.
func (p *path) ticketFor(id quarantine.ID, m *quarantine.Missing) (text string, missing uint64) {
	p.t.Helper()
	t := ticket.Ticket{Transfer: ticket.DigestOf(id.Channel, id.Transfer)}
	for _, o := range m.Objects {
		for _, n := range t.Needs() {
			if n.Object.String() != o.Object {
				continue
			}
			n.Need.Whole = o.Unknown
			if o.Unknown {
				continue
			}
			part, err := fec.NewPartition(o.Length, o.SymbolSize, int(o.MaxK))
			p.must(err)
			for _, r := range o.Runs {
				for b := r.First; b <= r.Last; b++ {
					missing += uint64(part.K(b) * o.SymbolSize)
				}
				if at := len(n.Need.Runs); at > 0 && n.Need.Runs[at-1].Last+1 == r.First {
					n.Need.Runs[at-1].Last = r.Last
				} else {
					n.Need.Runs = append(n.Need.Runs, ticket.Run{First: r.First, Last: r.Last})
				}
			}
		}
	}
	parts, err := ticket.Cover(t)
	p.must(err)
	if len(parts) != 1 {
		p.t.Fatalf("%d tickets", len(parts))
	}
	text, err = parts[0].Text()
	p.must(err)
	return text, missing
}

func noisy(seed uint64, n int) []byte {
	content := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = rng.Read(content)
	return content
}

// TestRepair loses more than the plan bears, carries the ticket over, and ends with the file released: by a later session of the
// sender, which adds to what the first one brought, and with less than 1.02 of what was missing sent again.
func TestRepair(t *testing.T) {
	for name, lose := range map[string]func(framing.Header) bool{
		"blocks that never came": func(h framing.Header) bool { return h.Object == framing.ObjectContent && h.Block%11 == 5 },
		"blocks that lack a few": func(h framing.Header) bool {
			return h.Object == framing.ObjectContent && h.Block%9 == 2 && h.ESI < 3*h.MaxK/4 && h.ESI%2 == 0
		},
		"an outage": func(h framing.Header) bool {
			return h.Object == framing.ObjectContent && (h.Block > 20 && h.Block < 40 || h.Block == 41 && h.ESI > 60)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire := new(tap)
			wire.lose.Store(&lose)
			key, err := seal.GenerateReceiptKey()
			if err != nil {
				t.Fatal(err)
			}
			p := newPath(t, pathConfig{link: linktest.Config{Drop: wire.drop}, forecast: fec.Link{Loss: 0.01}, passes: 1, receipt: key, idle: 200 * time.Millisecond})
			content := noisy(1, 24<<20+77)
			p.must(os.WriteFile(filepath.Join(p.dir, "file"), content, 0o640))
			p.drop(filepath.Join(p.dir, "file"))
			id, missing := p.incomplete()
			text, octets := p.ticketFor(id, missing)
			p.stopSender()
			p.startSender() // the repair crosses in another session
			wire.lose.Store(nil)
			before := wire.symbols.Load()
			var last sender.Progress
			p.must(sender.Repair(t.Context(), p.send.Socket, strings.ToLower(strings.ReplaceAll(text, "-", " ")), false, func(q sender.Progress) { last = q }))
			again := (wire.symbols.Load() - before) * 1408
			if ratio := float64(again) / float64(octets); ratio >= 1.02 || ratio < 1 {
				t.Errorf("%d octets were sent again for %d that were missing: %.4f", again, octets, ratio)
			} else {
				t.Logf("ticket %s (%d characters): %d blocks, %d octets missing, %d sent again: %.4f", text, len(text), missing.Blocks(), octets, again, ratio)
			}
			if last.Bytes != last.Total || last.Total == 0 {
				t.Errorf("last progress %+v", last)
			}
			got, err := os.ReadFile(p.wait("file"))
			p.must(err)
			if !bytes.Equal(got, content) {
				t.Fatal("what was released is not what was dropped")
			}
		})
	}
}

// TestRepairOfPlanAndProof: a transfer of which only content came is repaired too, and one whose repair is cut short by a stop of the
// sender goes on after it.
func TestRepairOfPlanAndProof(t *testing.T) {
	wire := new(tap)
	lose := func(h framing.Header) bool { return h.Object != framing.ObjectContent || h.Block%2 == 1 }
	wire.lose.Store(&lose)
	p := newPath(t, pathConfig{link: linktest.Config{Drop: wire.drop}, forecast: fec.Link{Loss: 0.01}, passes: 1, idle: 200 * time.Millisecond})
	content := noisy(2, 6<<20)
	p.must(os.WriteFile(filepath.Join(p.dir, "file"), content, 0o640))
	p.drop(filepath.Join(p.dir, "file"))
	id, missing := p.incomplete()
	text, _ := p.ticketFor(id, missing)
	if k, err := ticket.Parse(text); err != nil || !k.Plan.Whole || !k.Proof.Whole || len(k.Content.Runs) == 0 {
		t.Fatalf("%+v, %v", k, err)
	}
	// The wire is dead and the sender stopped while it repairs.
	ctx, cancel := context.WithCancel(t.Context())
	all := func(framing.Header) bool { cancel(); return true }
	wire.lose.Store(&all)
	if err := sender.Repair(ctx, p.send.Socket, text, false, func(sender.Progress) {}); !errors.Is(err, context.Canceled) {
		t.Fatalf("repair that was cut short: %v", err)
	}
	p.stopSender()
	claimed, err := os.ReadDir(filepath.Join(p.dir, "one", "claimed"))
	p.must(err)
	if len(claimed) != 1 {
		t.Fatal("the repair had ended before the sender was stopped")
	}
	wire.lose.Store(nil)
	p.startSender()
	got, err := os.ReadFile(p.wait("file"))
	p.must(err)
	if !bytes.Equal(got, content) {
		t.Fatal("what was released is not what was dropped")
	}
}

// TestRepairOfTheRealPrograms does the same with the programs as people run them: over the testbed, or over loopback where there is no right to
// make one. What is typed is what was printed.
func TestRepairOfTheRealPrograms(t *testing.T) {
	testbed.Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir, err := workFolder("")
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{DemoScenario: DemoScenario{Seed: 1, Programs: programs(t)}, w: new(bytes.Buffer), rig: &rig{dir: dir, programs: programs(t), settings: settings{
		mtu: 1500, rate: demoRate, loss: demoLoss, seal: "aes-256-gcm", passes: 1}}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	defer func() { must(errors.Join(d.rig.stop(), d.unplug(), os.RemoveAll(dir))) }()
	must(d.plug())
	must(d.bed.SetLoss(testbed.Loss{Random: 0.001, Outage: 110 * time.Millisecond, Every: 600 * time.Millisecond}))
	r := d.rig
	must(r.prepare())
	receipt := r.low("receipt.key")
	tool := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, filepath.Join(r.programs, name), args...)
		var out, complaint bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &complaint
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, args, err, complaint.String())
		}
		return strings.TrimSpace(out.String())
	}
	tool("pawl-key", "receipt", "-o", receipt)
	for _, file := range []string{r.low("pawl-send.toml"), r.high("pawl-release.toml")} {
		text, err := os.ReadFile(file)
		must(err)
		must(os.WriteFile(file, append([]byte("receipt_key = \""+receipt+"\"\n"), text...), 0o600))
	}
	must(r.startReceive(ctx))
	must(r.startRelease())
	must(r.startSend(ctx))
	content := noisy(3, 24<<20)
	must(os.WriteFile(r.source("file"), content, 0o644))
	must(os.Rename(r.source("file"), r.low("channel", "outbox", "file")))
	var id quarantine.ID
	must(await(ctx, "the transfer to be incomplete", r.running(), func() (bool, error) {
		var st quarantine.State
		st, id, err = r.stands()
		return st == quarantine.Incomplete, err
	}))
	must(d.bed.SetLoss(testbed.Loss{}))
	text := tool("pawl-release", "ticket", id.String(), "-c", r.high("pawl-release.toml"))
	t.Logf("ticket %s", text)
	if out := tool("pawl-release", "show", id.String(), "-c", r.high("pawl-release.toml")); !strings.Contains(out, "repair ticket 1 of 1 issued, ") {
		t.Errorf("history of the transfer says nothing of its ticket:\n%s", out)
	}
	if out := tool("pawl-send", "unconfirmed", "--socket", r.socket()); !strings.Contains(out, id.String()) {
		t.Errorf("not unconfirmed:\n%s", out)
	}
	tool("pawl-send", "repair", "--socket", r.socket(), strings.ToLower(text))
	must(await(ctx, "the transfer to be released", r.running(), func() (bool, error) {
		st, _, err := r.stands()
		return st == quarantine.Released, err
	}))
	got, err := os.ReadFile(r.inbox("file"))
	must(err)
	if !bytes.Equal(got, content) {
		t.Fatal("what was released is not what was dropped")
	}
	code := tool("pawl-release", "receipt", id.String(), "-c", r.high("pawl-release.toml"))
	if out := tool("pawl-send", "confirm", "--socket", r.socket(), code); !strings.Contains(out, id.String()) || !strings.Contains(out, "confirmed: it arrived whole") {
		t.Errorf("confirm: %s", out)
	}
	if out := tool("pawl-send", "unconfirmed", "--socket", r.socket()); strings.Contains(out, id.String()) {
		t.Errorf("still unconfirmed:\n%s", out)
	}
}
