package nic

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestHealthyMachine: nothing is wrong, but that the high side has no rule that keeps it silent.
func TestHealthyMachine(t *testing.T) {
	for _, side := range []Side{Low, High} {
		f := newFake()
		f.device("flags", "0x1083")
		for rule, finding := range examine(t, f, link(side)) {
			if finding.Severity != OK && rule != "egress" {
				t.Errorf("%s side: %+v", side, finding)
			}
			if finding.Severity == OK && (finding.Why != "" || finding.Mend != nil || finding.Safe || finding.Read == "") {
				t.Errorf("%s side: %+v is ok and says more than what was read", side, finding)
			}
		}
	}
}

// TestFaults sets each fault and finds it, and nothing that it does not bring with it. The rules' own words (the table in docs/doctor.md) must
// say neither more nor less than what was seen here.
func TestFaults(t *testing.T) {
	said := map[string]map[Severity]bool{}
	mends := map[string]bool{}
	for _, fault := range faults {
		t.Run(fmt.Sprintf("%s/%s/%s", fault.rule, fault.side, fault.name), func(t *testing.T) {
			f, l := newFake(), link(fault.side)
			fault.spoil(f, &l)
			found := examine(t, f, l)[fault.rule]
			if found.Severity != fault.want || found.Read == "" || found.Why == "" || found.Want == "" {
				t.Fatalf("found %+v, want %s with words", found, fault.want)
			}
			wanted, unsafe := strings.CutPrefix(fault.mend, "-")
			steps := make([]string, len(found.Mend))
			for i, s := range found.Mend {
				steps[i] = s.String()
			}
			if found.Safe == unsafe || wanted != "" && !slices.Contains(steps, wanted) {
				t.Errorf("mends by %q, safe %t; want %q", steps, found.Safe, fault.mend)
			}
			if said[fault.rule] == nil {
				said[fault.rule] = map[Severity]bool{}
			}
			said[fault.rule][found.Severity] = true
			mends[fault.rule] = mends[fault.rule] || found.Safe
		})
	}
	for _, r := range Rules() {
		for _, s := range []Severity{Note, LosesPackets, TalksBack} {
			if said[r.Name][s] != slices.Contains(r.Says, s) {
				t.Errorf("%s: says %s is %t in the table, %t in the faults", r.Name, s, slices.Contains(r.Says, s), said[r.Name][s])
			}
		}
		if mends[r.Name] != r.Mends {
			t.Errorf("%s: --fix is %t in the table, %t in the faults", r.Name, r.Mends, mends[r.Name])
		}
		if !slices.IsSortedFunc(r.Says, func(a, b Severity) int { return int(b) - int(a) }) {
			t.Errorf("%s: %v is not worst first", r.Name, r.Says)
		}
	}
}

// TestWorstFirst holds the order in which findings are shown.
func TestWorstFirst(t *testing.T) {
	f := newFake()
	f.pause = Pause{Tx: true}
	f.ring.Rx = 1
	facts, err := f.machine().Read(t.Context(), link(High), 0)
	if err != nil {
		t.Fatal(err)
	}
	found := Judge(facts)
	if found[0].Rule != "pause" || found[1].Rule != "rings" || found[2].Severity != Note || Worst(found) != TalksBack {
		t.Errorf("order %v", found)
	}
}

// TestUnreadableIsNotWell: what the driver lacks is well, what could not be read is not.
func TestUnreadable(t *testing.T) {
	for err, want := range map[error]Severity{
		ErrUnsupported: OK, fs.ErrPermission: Note, fs.ErrNotExist: Note, errors.New("input/output error"): Note,
	} {
		f := newFake()
		f.driverErr = err
		for _, side := range []Side{Low, High} {
			found := examine(t, f, link(side))
			for _, rule := range []string{"pause", "firmware-lldp", "offload"} {
				if found[rule].Severity != want {
					t.Errorf("%v: %+v, want %s", err, found[rule], want)
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	f := newFake()
	m := f.machine()
	for _, c := range []struct {
		link Link
		want string
	}{
		{Link{Side: High, Device: "x"}, "x"},
		{Link{Side: High, Local: highAddress}, "nic0.7"},
		{Link{Side: High, Local: netip.IPv4Unspecified()}, ""},
		{Link{Side: High, Local: netip.MustParseAddr("10.9.0.9")}, ""},
		{Link{Side: Low, Remote: highAddress}, "nic0.7"},
	} {
		found, err := m.Find(c.link)
		if found.Device != c.want || (c.want == "") != errors.Is(err, ErrNoDevice) {
			t.Errorf("%+v: %q, %v; want %q", c.link, found.Device, err, c.want)
		}
	}
	f.noRoute = errors.New("network is unreachable")
	if _, err := m.Find(Link{Side: Low, Remote: highAddress}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("without a route: %v", err)
	}
	if _, err := m.Read(t.Context(), Link{Side: Low, Device: "none0"}, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an interface that is not there: %v", err)
	}
}

// TestSenders: where the sender is when nobody says so.
func TestSenders(t *testing.T) {
	f := newFake()
	facts := &Facts{Link: link(High), Address: []netip.Prefix{netip.MustParsePrefix("10.9.0.2/30")}}
	m := f.machine()
	if got := m.senders(facts); len(got) != 1 || got[0] != lowAddress {
		t.Errorf("from the network: %v", got)
	}
	f.permanent = []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("224.0.0.5"), netip.MustParseAddr("10.9.0.77")}
	if got := m.senders(facts); len(got) != 1 || got[0].String() != "10.9.0.77" {
		t.Errorf("from the neighbours: %v", got)
	}
	facts.Link.From = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	if got := m.senders(facts); got[0].String() != "192.0.2.1" {
		t.Errorf("from --from: %v", got)
	}
}

// TestMend runs what is safe, in order, and goes on after what fails.
func TestMend(t *testing.T) {
	f := newFake()
	f.ipv6("nic0", "disable_ipv6", "0")
	f.ipv6("nic0.7", "disable_ipv6", "0")
	f.pause.Tx = true
	f.ring.Rx = 1 // not safe
	f.refuse = "ethtool -A"
	m, l := f.machine(), link(High)
	l.MTU = 9000
	facts, err := m.Read(t.Context(), l, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := m.Mend(t.Context(), Judge(facts))
	want := []string{
		"net/ipv6/conf/nic0.7/disable_ipv6=1", "net/ipv6/conf/nic0/disable_ipv6=1", "ethtool -A nic0 autoneg off rx off tx off",
		"ip link set dev nic0 mtu 9000", "ip link set dev nic0.7 mtu 9000",
	}
	if !slices.Equal(f.ran, want) {
		t.Errorf("ran\n%s\nwant\n%s", strings.Join(f.ran, "\n"), strings.Join(want, "\n"))
	}
	for _, d := range done {
		if (d.Rule == "pause") != (d.Error != "") {
			t.Errorf("%+v", d)
		}
	}
	if found := examine(t, f, l); found["ipv6"].Severity != OK {
		t.Errorf("read again: %+v", found["ipv6"])
	}
	if err := m.do(t.Context(), Step{Key: "../etc/x", Value: "1"}); err == nil {
		t.Error("a key that leaves /proc/sys was written")
	}
}

// TestMendLeavesSharedInterfacesAlone: the machine's way to everywhere else must not go dark.
func TestMendLeavesSharedInterfacesAlone(t *testing.T) {
	f := newFake()
	f.everywhere = "nic0"
	f.set("sys/class/net/nic0.7/flags", "0x1003")
	facts, err := f.machine().Read(t.Context(), link(High), 0)
	if err != nil {
		t.Fatal(err)
	}
	if done := f.machine().Mend(t.Context(), Judge(facts)); done != nil || f.ran != nil {
		t.Errorf("did %+v", done)
	}
}

// TestMeter: the hardware's counters, read while they move; none for the loopback.
func TestMeter(t *testing.T) {
	f := newFake()
	meter, err := f.machine().Meter(highAddress)
	if err != nil || meter.Device() != "nic0" {
		t.Fatalf("%v, %v", meter, err)
	}
	f.device("statistics/tx_packets", "3")
	if c, err := meter.Read(); err != nil || c.TxPackets != 3 {
		t.Errorf("%+v, %v", c, err)
	}
	f.set("sys/class/net/nic0.7/flags", "0x49")
	if _, err := f.machine().Meter(highAddress); !errors.Is(err, ErrLoopback) {
		t.Errorf("loopback: %v", err)
	}
	if _, err := f.machine().Read(t.Context(), link(High), 0); !errors.Is(err, ErrLoopback) {
		t.Errorf("doctor on the loopback: %v", err)
	}
}

// TestReadStops: a doctor that is told to stop does not watch on.
func TestReadStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newFake().machine().Read(ctx, link(High), 1<<62); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSeverityText(t *testing.T) {
	for s := OK; s <= TalksBack; s++ {
		text, err := s.MarshalText()
		var back Severity
		if err != nil || back.UnmarshalText(text) != nil || back != s || strings.Contains(string(text), " ") {
			t.Errorf("%s: %q %s", s, text, back)
		}
	}
	if new(Severity).UnmarshalText([]byte("bad")) == nil {
		t.Error("a word that is none was read")
	}
}

var update = flag.Bool("update", false, "write the table into docs/doctor.md")

// TestPage holds docs/doctor.md to the rules: the table is theirs, to the letter.
func TestPage(t *testing.T) {
	const page = "../../docs/doctor.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- rules: go test ./hw/nic -run TestPage -update -->\n", "<!-- end -->\n"
	head, rest, ok := strings.Cut(string(text), begin)
	table, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(head+begin+Table()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != Table() {
		t.Errorf("%s is not what the rules say: go test ./hw/nic -run TestPage -update", page)
	}
}
