package sender

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pawl/fec"
	"pawl/framing"
)

// noise is n octets from a seed.
func noise(seed uint64, n int) string {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	r.Read(b)
	return string(b)
}

// lossy keeps each symbol with probability 1-p, from a seed.
func lossy(seed uint64, p float64) func(wirePacket) bool {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(wirePacket) bool { return r.Float64() >= p }
}

// oddTree is what people put into folders.
func oddTree() map[string]string {
	return map[string]string{
		"top/a file":         "hello\n",
		"top/empty":          "",
		"top/sub.txt":        "before sub/ in the order of octets, after it in the plan",
		"top/sub/":           "",
		"top/sub/deep/x":     noise(1, 5000),
		"top/sub/ünï-コード":    "names of all kinds",
		"top/void/":          "",
		"top/big":            noise(2, 3_000_000),
		"top/zz-last-empty":  "",
		"top/zz-last-empty2": "",
	}
}

func TestTransferArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		cfg := testConfig(dir, newCatcher(t))
		tree := oddTree()
		plant(t, filepath.Join(dir, "docs", "outbox"), tree)
		if err := os.Chmod(filepath.Join(dir, "docs/outbox/top/a file"), 0o755); err != nil {
			t.Fatal(err)
		}
		d := start(t, cfg)
		id := d.done("sent", 1)[0]
		d.stop()
		all := d.link.all()

		a := receive(t, all, id, lossy(3, 0.01))
		want := map[string]string{}
		for name, text := range tree {
			if !strings.HasSuffix(name, "/") {
				want[name] = text
			}
		}
		if !maps.Equal(a.files, want) {
			t.Errorf("files that arrived: %q", slices.Sorted(maps.Keys(a.files)))
		}
		for _, e := range a.entries {
			info, err := os.Stat(filepath.Join(dir, "docs/sent", transferID(7, id), e.Path))
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir() != e.Dir || info.ModTime().UnixNano() != e.ModTime || e.Exec != (e.Path == "top/a file") {
				t.Errorf("entry %+v is not %v %v", e, info.Mode(), info.ModTime())
			}
		}
		if len(a.entries) != 12 || a.head.Name != "top" || a.head.Channel != 7 || a.proof.Aborted {
			t.Errorf("plan of %d entries: %+v", len(a.entries), a.head)
		}
		checkOrder(t, all, must(loadRecord(filepath.Join(dir, "docs/sent", transferID(7, id))))(t))
		checkStart(t, all)
		if st := d.Status(); st.Sent != 1 || st.Bytes != a.head.Content || st.Packets != uint64(len(all)) {
			t.Errorf("status %+v after %d packets", st, len(all))
		}
	})
}

// checkOrder holds the objects of a transfer to their order: plan first, proof last; and
// each group to the order of the interleaver.
func checkOrder(t *testing.T, all []wirePacket, rec *record) {
	t.Helper()
	mine := transferOf(all, rec.Transfer)
	if mine[0].h.Object != framing.ObjectPlan || mine[len(mine)-1].h.Object != framing.ObjectProof {
		t.Errorf("begins with %v, ends with %v", mine[0].h.Object, mine[len(mine)-1].h.Object)
	}
	var content []framing.Header
	for _, p := range mine {
		if p.h.Object == framing.ObjectContent {
			content = append(content, p.h)
		}
	}
	h := content[0]
	part, err := fec.NewPartition(h.Length, testT, int(h.MaxK))
	if err != nil {
		t.Fatal(err)
	}
	groups := fec.NewGroups(part.Blocks(), rec.Body.Depth)
	for i := range groups.Count() {
		first, n := groups.Range(i)
		var ks []int
		for b := range n {
			ks = append(ks, part.K(first+uint32(b)))
		}
		fec.Interleave(ks, int(h.R), func(block, esi int) {
			if len(content) == 0 {
				t.Fatal("symbols missing")
			}
			if content[0].Block != first+uint32(block) || int(content[0].ESI) != esi {
				t.Fatalf("symbol %d.%d where %d.%d belongs", content[0].Block, content[0].ESI, first+uint32(block), esi)
			}
			content = content[1:]
		})
	}
	if len(content) != 0 && rec.Body.Copies == 1 {
		t.Errorf("%d symbols too many", len(content))
	}
}

// checkStart holds the start of the wire to five announcements with beats over at least
// 50 ms before the first symbol, and both once a second after.
func checkStart(t *testing.T, all []wirePacket) {
	t.Helper()
	for i := range 2 * announcements {
		want := []framing.Type{framing.TypeSession, framing.TypeBeat}[i%2]
		if all[i].h.Type != want {
			t.Fatalf("packet %d is a %v, want a %v", i, all[i].h.Type, want)
		}
	}
	if d := all[2*announcements].at.Sub(all[0].at); d < startSpread {
		t.Errorf("first symbol %v after the first announcement", d)
	}
	last := all[0].at
	for _, p := range all {
		if p.h.Type == framing.TypeBeat {
			if gap := p.at.Sub(last); gap > beatEvery+100*time.Millisecond {
				t.Errorf("%v without a beat", gap)
			}
			last = p.at
			if _, err := framing.ParseBeat(p.payload); err != nil {
				t.Error(err)
			}
		}
	}
}
