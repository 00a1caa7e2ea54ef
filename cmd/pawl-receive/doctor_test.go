package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pawl/cmd/internal/doctor"
	"pawl/cmd/internal/keyfile"
	"pawl/framing/seal"
	"pawl/hw/nic"
	"pawl/hw/testbed"
	"pawl/hw/watch"
	"pawl/receiver"
)

const doctorConfig = `quarantine = "q"
state = "s"
key = "receiver.key"
sender = "sender.key.pub"
[link]
listen = "10.77.0.2:4600"
receive_buffer = "1MiB"
[[channel]]
id = 1
name = "updates"
`

func bed(t *testing.T) *testbed.Bed {
	t.Helper()
	testbed.Require(t)
	b, err := testbed.Up(testbed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Down(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// shell runs a script on the high side.
func shell(t *testing.T, b *testbed.Bed, script string) {
	t.Helper()
	if out, err := b.Command(testbed.High, "bash", "-ec", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// examine runs the real program on the high side of a bed and returns its report and its exit code.
func examine(t *testing.T, b *testbed.Bed, config string, args ...string) (doctor.Report, int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pawl-receive.toml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	cmd := b.Command(testbed.High, "pawl-receive", append([]string{"doctor", "-c", path, "--json", "--watch", "10ms"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var reports []doctor.Report
	if err := json.Unmarshal(out.Bytes(), &reports); err != nil || len(reports) != 1 {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	return reports[0], cmd.ProcessState.ExitCode()
}

// find is the report's finding by a rule.
func find(t *testing.T, r doctor.Report, rule string) nic.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f nic.Finding) bool { return f.Rule == rule })
	if i < 0 {
		t.Fatalf("no finding %s in %+v", rule, r)
	}
	return r.Findings[i]
}

// TestDoctorFindsFaults sets faults on the high side of a real one-way link, one at a time, and lets the program find and
// mend them. What a veth has not (pause frames, rings, firmware) hw/nic's tests set on a machine in memory.
func TestDoctorFindsFaults(t *testing.T) {
	const accept = "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy accept; }'; "
	for _, fault := range []struct {
		name  string
		spoil string // shell, in the high namespace
		edit  [2]string
		args  []string
		rule  string
		want  nic.Severity
		fixed bool // --fix mends it
	}{
		{name: "ARP on", spoil: "ip link set in0 arp on", rule: "arp", want: nic.TalksBack, fixed: true},
		{name: "IPv6 on", spoil: "sysctl -qw net.ipv6.conf.in0.disable_ipv6=0", rule: "ipv6", want: nic.TalksBack, fixed: true},
		{name: "IPv6 autoconfiguration", spoil: "sysctl -qw net.ipv6.conf.in0.disable_ipv6=0 net.ipv6.conf.in0.autoconf=1", rule: "ipv6-autoconf", want: nic.TalksBack, fixed: true},
		{name: "mDNS group", spoil: "ip link set in0 multicast on; ip addr add 224.0.0.251/32 dev in0 autojoin", rule: "multicast", want: nic.TalksBack},
		{name: "port of a bridge", spoil: "ip link add br0 type bridge && ip link set in0 master br0", rule: "port", want: nic.TalksBack},
		{name: "routes for others", spoil: "sysctl -qw net.ipv4.ip_forward=1", rule: "forwarding", want: nic.Note},
		{name: "no egress rule", spoil: "nft delete table netdev pawl", rule: "egress", want: nic.Note},
		{name: "sent something", spoil: "nft flush chain netdev pawl back; echo x > /dev/udp/10.77.0.1/9", rule: "sent", want: nic.Note},
		{name: "link down", spoil: "ip link set in0 down", rule: "link", want: nic.LosesPackets},
		{name: "mtu", edit: [2]string{"[link]", "[link]\nmtu = 9000"}, rule: "mtu", want: nic.LosesPackets, fixed: true},
		{name: "buffer above the limit", edit: [2]string{"1MiB", "1GiB"}, rule: "buffer", want: nic.LosesPackets},
		{name: "GRO off", spoil: "ethtool -K in0 gro off", rule: "offload", want: nic.Note, fixed: true},
		{name: "RPS on", spoil: "echo 1 > /sys/class/net/in0/queues/rx-0/rps_cpus", rule: "queues", want: nic.Note},
		{name: "firewall on the port", spoil: accept + "nft add rule inet f in udp dport 4600 counter drop", rule: "firewall", want: nic.LosesPackets},
		{name: "firewall policy", spoil: "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; policy drop; }'; nft add rule inet f in ct state established,related accept; nft add rule inet f in iifname lo accept", rule: "firewall", want: nic.LosesPackets},
		{name: "firewall that may", spoil: accept + "nft add rule inet f in limit rate over 10/second drop", rule: "firewall", want: nic.Note},
		{name: "ingress rule", spoil: "nft add table netdev f; nft 'add chain netdev f in { type filter hook ingress devices = { in0 } priority 0; }'; nft add rule netdev f in ip protocol udp drop", rule: "firewall", want: nic.LosesPackets},
		{
			name: "reverse path strict, way back elsewhere", rule: "rp-filter", want: nic.LosesPackets, fixed: true,
			spoil: "ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip route add 10.77.0.1/32 dev lan0; sysctl -qw net.ipv4.conf.in0.rp_filter=1",
		},
		{
			name: "reverse path strict, sender in another network", rule: "rp-filter", want: nic.LosesPackets, fixed: true,
			spoil: "sysctl -qw net.ipv4.conf.in0.rp_filter=1", args: []string{"--from", "192.0.2.1"},
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			b := bed(t)
			if r, code := examine(t, b, doctorConfig); code != 0 || find(t, r, fault.rule).Severity != nic.OK {
				t.Fatalf("before the fault: exit code %d\n%+v", code, r.Findings)
			}
			shell(t, b, fault.spoil)
			config := doctorConfig
			if fault.edit[0] != "" {
				config = strings.Replace(config, fault.edit[0], fault.edit[1], 1)
			}
			r, code := examine(t, b, config, fault.args...)
			if found := find(t, r, fault.rule); found.Severity != fault.want || (code == 1) != (nic.Worst(r.Findings) >= nic.LosesPackets) {
				t.Errorf("exit code %d, found %+v, want %s", code, found, fault.want)
			}
			mended, _ := examine(t, b, config, append(fault.args, "--fix")...)
			if got := find(t, mended, fault.rule); (got.Severity == nic.OK) != fault.fixed {
				t.Errorf("after --fix: %+v, done %+v, want it mended: %t", got, mended.Done, fault.fixed)
			}
			if fault.rule == "buffer" && (len(mended.Done) != 1 || mended.Done[0].Error == "") {
				t.Errorf("a limit that can't be raised in a namespace was raised: %+v", mended.Done)
			}
		})
	}
}

// TestOneWayEvidence runs the receiver, sends one packet from its interface and waits until the receiver says so.
func TestOneWayEvidence(t *testing.T) {
	b := bed(t)
	dir := keys(t)
	// The bed's own rule would hold the packet back before it is counted.
	shell(t, b, "nft flush chain netdev pawl back")
	cmd := b.Command(testbed.High, "pawl-receive", "run", "-c", filepath.Join(dir, "pawl-receive.toml"))
	var logged bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &logged
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	quiet := await(t, filepath.Join(dir, "s"), func(s *receiver.Status) bool { return len(s.OneWay) == 1 && s.OneWay[0].Watched })
	if o := quiet.OneWay[0]; o.Interface != "in0" || o.Moved != 0 || o.LastMoved != nil || o.Listen != "10.77.0.2:4600" {
		t.Errorf("before: %+v", o)
	}
	shell(t, b, "echo x > /dev/udp/10.77.0.1/9")
	loud := await(t, filepath.Join(dir, "s"), func(s *receiver.Status) bool { return len(s.OneWay) == 1 && s.OneWay[0].Moved > 0 })
	o := loud.OneWay[0]
	if o.Moved != 1 || o.TxNow != o.TxAtStart+1 || o.MovedByte == 0 || o.LastMoved == nil || o.LastMoved.Before(quiet.Time) {
		t.Errorf("after: %+v", o)
	}
	status := b.Command(testbed.High, "pawl-receive", "status", "-c", "pawl-receive.toml")
	status.Dir = dir
	if out, err := status.Output(); err != nil || !strings.Contains(string(out), "in0 has SENT 1 packets") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, logged.String())
	}
	if n := strings.Count(logged.String(), "has sent packets"); n != 1 {
		t.Errorf("the alarm was logged %d times:\n%s", n, logged.String())
	}
}

// keys makes a folder with keys and a configuration.
func keys(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	sender, err := seal.GenerateSenderKey()
	if err != nil {
		t.Fatal(err)
	}
	own, err := seal.GenerateReceiverKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		keyfile.SaveSender(filepath.Join(dir, "sender.key"), sender, time.Now()),
		keyfile.SaveReceiver(filepath.Join(dir, "receiver.key"), own, time.Now()),
		os.WriteFile(filepath.Join(dir, "pawl-receive.toml"), []byte(doctorConfig), 0o600),
		os.Mkdir(filepath.Join(dir, "s"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// await looks at the status at each news of its folder until it is as wanted.
func await(t *testing.T, folder string, wanted func(*receiver.Status) bool) *receiver.Status {
	t.Helper()
	news, err := watch.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer news.Close()
	late := time.AfterFunc(time.Minute, func() { news.Close() })
	defer late.Stop()
	for {
		var s receiver.Status
		if data, err := os.ReadFile(filepath.Join(folder, "status.json")); err == nil && json.Unmarshal(data, &s) == nil && wanted(&s) {
			return &s
		}
		if _, err := news.Next(); err != nil {
			t.Fatalf("the status does not come: %v", err)
		}
	}
}
