package docs

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
			calls = append(calls, "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp")
		case "pawl-send-console", "pawl-release": // it confines itself; its checkers do, and refuse to go on if they can't
			calls = append(calls, "landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp capset")
		}
		if got := u["Service.SystemCallFilter"]; !slices.Equal(got, calls) {
			t.Errorf("%s: SystemCallFilter=%q", program, got)
		}
	}
}

// written finds the paths that a program writes to in its example, of what is commented out too.
var written = regexp.MustCompile(`(?m)^#? ?(?:quarantine|state|folder|inbox|socket|host_key|listen) *= *"(?:unix:)?(/[^"]+)"`)

// TestUnitsFitTheExamples: what the example configurations write to, the units let be written to.
func TestUnitsFitTheExamples(t *testing.T) {
	for program, least := range map[string]int{"pawl-send": 6, "pawl-receive": 3, "pawl-release": 5} {
		text, err := os.ReadFile("examples/" + program + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		u := readUnit(t, "examples/"+program+".service")
		may := strings.Fields(u["Service.ReadWritePaths"][0])
		for key, above := range map[string]string{"Service.StateDirectory": "/var/lib/", "Service.RuntimeDirectory": "/run/"} {
			for _, name := range u[key] {
				may = append(may, above+name)
			}
		}
		found := written.FindAllSubmatch(text, -1)
		if len(found) < least {
			t.Errorf("%s: %d paths in the example, want %d at least", program, len(found), least)
		}
		for _, m := range found {
			path := string(m[1])
			if !slices.ContainsFunc(may, func(dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }) {
				t.Errorf("%s: the example writes to %s, the unit lets it write to %q", program, path, may)
			}
		}
	}
}

// dropIn is what pawl-release.service offers in comments, as the file that `systemctl edit` would make.
func dropIn(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("examples/pawl-release.service")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n#[Service]\n")
	block, _, there := strings.Cut(rest, "\n\n[Install]\n")
	if !there {
		t.Fatal("no drop-in before [Install]")
	}
	out := "[Service]\n"
	for line := range strings.Lines(block + "\n") {
		if !strings.HasPrefix(line, "# ") {
			line = strings.TrimPrefix(line, "#")
		}
		out += line
	}
	return out
}

// TestDropInOffersWhatTheConfigurationCanNeed: a group, a network, a capability, and nothing that the unit has already.
func TestDropInOffersWhatTheConfigurationCanNeed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "override.conf")
	if err := os.WriteFile(path, []byte(dropIn(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	in, unit := readUnit(t, path), readUnit(t, "examples/pawl-release.service")
	for key, want := range map[string]string{
		"SupplementaryGroups": "clamav", "PrivateNetwork": "no", "RestrictAddressFamilies": "AF_INET AF_INET6", "IPAddressAllow": "localhost 192.0.2.7 192.0.2.53",
		"CapabilityBoundingSet": "CAP_LINUX_IMMUTABLE", "AmbientCapabilities": "CAP_LINUX_IMMUTABLE",
	} {
		if got := in["Service."+key]; !slices.Equal(got, []string{want}) || slices.Equal(unit["Service."+key], got) {
			t.Errorf("%s=%q, want %q", key, got, want)
		}
	}
	if len(in) != 6 {
		t.Errorf("%d settings: %v", len(in), in)
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
		if program == "pawl-release" { // with all that it offers
			all := filepath.Join(t.TempDir(), program+".service")
			plain, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(all, append(plain, "\n"+dropIn(t)...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", all).CombinedOutput(); err != nil || strings.Contains(string(out), all) {
				t.Errorf("verify %s with its drop-in: %v\n%s", program, err, out)
			}
		}
		// 0 is closed, 100 is open: 2.0 of 10.
		if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", path).CombinedOutput(); err != nil {
			t.Errorf("security %s: %v\n%s", program, err, out)
		}
	}
}
