package docs

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unit is a systemd unit: the values of each key, as "Section.Key", in their order.
type unit map[string][]string

// readUnit reads a unit, strictly: what is no section, no setting and no comment fails the test.
func readUnit(t *testing.T, path string) unit {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for number, line := range strings.Split(string(text), "\n") {
		key, value, setting := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
		case setting && section != "" && !strings.ContainsAny(key, " \t"):
			u[section+"."+key] = append(u[section+"."+key], value)
		default:
			t.Fatalf("%s:%d: %q", path, number+1, line)
		}
	}
	return u
}

// hardened is what every unit has in [Service].
var hardened = map[string]string{
	"Type": "notify", "NotifyAccess": "main", "ExecReload": "/bin/kill -HUP $MAINPID", "ProtectSystem": "strict", "ProtectHome": "yes",
	"PrivateTmp": "yes", "PrivateDevices": "yes", "ProtectKernelTunables": "yes", "ProtectKernelModules": "yes", "ProtectKernelLogs": "yes",
	"ProtectControlGroups": "yes", "ProtectClock": "yes", "ProtectHostname": "yes", "ProtectProc": "invisible", "RestrictNamespaces": "yes",
	"RestrictRealtime": "yes", "RestrictSUIDSGID": "yes", "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes", "NoNewPrivileges": "yes",
	"CapabilityBoundingSet": "", "AmbientCapabilities": "", "SystemCallArchitectures": "native", "SystemCallErrorNumber": "EPERM",
	"RemoveIPC": "yes",
}

// absent is a key that a unit must not have.
const absent = "-"

// units are the programs' units and what each has beside hardened.
var units = map[string]map[string]string{
	"pawl-send": {"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK", "Restart": "on-failure", "User": "pawl-send", "StateDirectory": "pawl-send", "RuntimeDirectory": "pawl-send"},
	"pawl-send-console": {"Type": "exec", "NotifyAccess": absent, "ExecReload": absent, "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "IPAddressDeny": "any", "IPAddressAllow": "localhost", "Restart": "on-failure",
		"User": "pawl-send", "RuntimeDirectory": "pawl-send-console"},
	"pawl-receive": {"RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX AF_NETLINK", "Restart": "always", "User": "pawl-receive", "Group": "pawl", "UMask": "0007", "StateDirectory": "pawl-receive", "RuntimeDirectory": "pawl-receive"},
	"pawl-release": {"RestrictAddressFamilies": "AF_UNIX", "PrivateNetwork": "yes", "IPAddressDeny": "any", "Restart": "on-failure", "User": "pawl-release", "Group": "pawl", "UMask": "0007", "RuntimeDirectory": "pawl-release"},
}

// commands are what a unit runs where it is not its program's run.
var commands = map[string]string{"pawl-send-console": "pawl-send console -c /etc/pawl/pawl-send.toml"}

// TestUnitsAreHardened reads the units of the daemons.
func TestUnitsAreHardened(t *testing.T) {
	found, err := filepath.Glob("examples/*.service")
	if err != nil || len(found) != len(units) {
		t.Fatalf("%q, %v: want a unit for each of %d daemons", found, err, len(units))
	}
	for program, own := range units {
		u := readUnit(t, "examples/"+program+".service")
		wanted := maps.Clone(hardened)
		maps.Copy(wanted, own)
		for key, want := range wanted {
			if got := u["Service."+key]; !slices.Equal(got, []string{want}) && (want != absent || got != nil) {
				t.Errorf("%s: %s=%q, want %q", program, key, got, want)
			}
		}
		keys := []string{"RestartSec", "MemoryMax", "TasksMax", "TimeoutStopSec", "LimitNOFILE"}
		if wanted["Type"] == "notify" {
			keys = append(keys, "WatchdogSec", "ReadWritePaths")
		}
		for _, key := range keys {
			if got := u["Service."+key]; len(got) != 1 || got[0] == "" {
				t.Errorf("%s: %s=%q", program, key, got)
			}
		}
		command := cmp.Or(commands[program], program+" run -c /etc/pawl/"+program+".toml")
		if got, want := u["Service.ExecStart"], "/usr/local/bin/"+command; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: ExecStart=%q, want %q", program, got, want)
		}
		calls := []string{"@system-service", "~@privileged @resources"}
		switch program {
		case "pawl-receive": // it confines itself
			calls = append(calls, "landlock_create_ruleset landlock_add_rule landlock_restrict_self")
		case "pawl-send-console":
			calls = append(calls, "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp")
		case "pawl-release": // its checkers confine themselves, and refuse to go on if they can't
			calls = append(calls, "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp capset")
		}
		if got := u["Service.SystemCallFilter"]; !slices.Equal(got, calls) {
			t.Errorf("%s: SystemCallFilter=%q", program, got)
		}
	}
}

// TestUnitsPleaseSystemd lets systemd's own tool read the units and weigh what they leave open.
func TestUnitsPleaseSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not on this machine: only the keys were checked, by TestUnitsAreHardened")
	}
	for program := range units {
		text, err := os.ReadFile("examples/" + program + ".service")
		if err != nil {
			t.Fatal(err)
		}
		// The program need not be installed where this test runs.
		path := filepath.Join(t.TempDir(), program+".service")
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), "/usr/local/bin/"+strings.TrimSuffix(program, "-console"), "/bin/true", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", path).CombinedOutput(); err != nil || strings.Contains(string(out), path) {
			t.Errorf("verify %s: %v\n%s", program, err, out)
		}
		// 0 is closed, 100 is open: 2.0 of 10.
		if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", path).CombinedOutput(); err != nil {
			t.Errorf("security %s: %v\n%s", program, err, out)
		}
	}
}
