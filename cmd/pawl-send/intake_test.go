package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pawl/sender"
)

// base is a configuration that is good, up to its channel.
const base = `state = "s"
key = "k"
seal = "none"
[link]
remote = "127.0.0.1:9"
rate = "1Gbit/s"
[[channel]]
id = 1
name = "docs"
folder = "docs"
`

// TestIntakeConfig reads each key of the intake.
func TestIntakeConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.toml")
	text := base + `complete = "close, ready"
group = "file"
include = ["*.txt"]
exclude = ["*.tmp", "~*"]
on_filtered = "refuse"
case_insensitive = true
max_file = "1MiB"
max_transfer = "2MiB"
max_entries = 7
[sftp]
listen = "[::1]:2022"
host_key = "h"
max_connections = 5
max_open = 6
idle = "7s"
[[sftp.user]]
name = "alice"
keys = "alice.keys"
channel = "docs"
quota = "8MiB"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(path)
	if err != nil {
		t.Fatal(err)
	}
	in := c.Channels[0].intake()
	if in.Complete != sender.CompleteClose|sender.CompleteReady || in.Group != sender.GroupFile || strings.Join(in.Include, " ") != "*.txt" ||
		strings.Join(in.Exclude, " ") != "*.tmp ~*" || !in.RefuseFiltered || !in.FoldCase || in.MaxFile != 1<<20 || in.MaxTransfer != 2<<20 || in.MaxEntries != 7 {
		t.Errorf("intake %+v", in)
	}
	s := c.SFTP
	if s.Listen.text != "[::1]:2022" || s.HostKey != "h" || s.Connections != 5 || s.OpenFiles != 6 || s.Idle != 7e9 || len(s.Users) != 1 || s.Users[0].Quota != 8<<20 {
		t.Errorf("sftp %+v", s)
	}
}

// TestWrongIntake: what is wrong, on which line, and what to write instead.
func TestWrongIntake(t *testing.T) {
	const user = "[[sftp.user]]\nname = \"alice\"\nkeys = \"k\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"sign":          {`complete = "renamed"`, `x.toml:11: channel.complete: "renamed" is no sign of completeness: write "rename"`},
		"signs":         {`complete = "rename,,quiet"`, `x.toml:11: channel.complete: "" is no sign`},
		"group":         {`group = "folder"`, `x.toml:11: channel.group: "folder" is no way to group: write "top", "file" or "quiet"`},
		"pattern":       {"include = [\"*.txt\",\n\"[\"]", `x.toml:12: channel.include: pattern "[": syntax error in pattern`},
		"pattern place": {`exclude = ["/abs"]`, `x.toml:11: channel.exclude: pattern "/abs" matches no name`},
		"filtered":      {`on_filtered = "drop"`, `x.toml:11: channel.on_filtered: "drop" is neither "leave" nor "refuse"`},
		"case":          {`case_insensitive = "yes"`, `x.toml:11: channel.case_insensitive: want true or false`},
		"file":          {`max_file = "1MB/s"`, `x.toml:11: channel.max_file: "1MB/s" is not a size`},
		"file, group":   {"max_file = \"2MiB\"\nmax_transfer = \"1MiB\"", `files of up to 2097152 octets in transfers of up to 1048576`},
		"entries":       {`max_entries = -1`, `x.toml:11: channel.max_entries: negative`},
		"typo":          {`exlude = ["a"]`, `x.toml:11: channel.exlude: unknown key, did you mean "exclude"?`},
		"listen":        {"[sftp]\nlisten = \"localhost:22\"", `x.toml:12: sftp.listen: "localhost" is no address: write address:port`},
		"port":          {"[sftp]\nlisten = \"127.0.0.1\"", `x.toml:12: sftp.listen: address 127.0.0.1: missing port`},
		"user":          {"[[sftp.user]]\nname = \"../x\"", `x.toml:12: sftp.user.name: "../x" is no user name`},
		"user's keys":   {"[[sftp.user]]\nname = \"alice\"\nchannel = \"docs\"", `name, keys or channel is missing`},
		"channel":       {user + `channel = "none"`, `x.toml:14: sftp.user.channel: no [[channel]] has the name "none"`},
		"user twice":    {user + "channel = \"docs\"\n" + user + `channel = "docs"`, `x.toml:16: sftp.user.name: user "alice" is there twice`},
		"user typo":     {user + `chanel = "docs"`, `x.toml:14: sftp.user.chanel: unknown key, did you mean "channel"?`},
		"connections":   {"[sftp]\nmax_connections = -1", `x.toml:12: sftp.max_connections: -1 is less than 1`},
		"password":      {"[[sftp.user]]\npassword = \"x\"", `x.toml:12: sftp.user.password: unknown key`},
	} {
		path := filepath.Join(t.TempDir(), "x.toml")
		if err := os.WriteFile(path, []byte(base+c.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
}

// TestSFTPNeedsUsers: the command says what to write.
func TestSFTPNeedsUsers(t *testing.T) {
	c := defaults()
	if _, err := c.server(nil); err == nil || !strings.Contains(err.Error(), "[[sftp.user]]") {
		t.Errorf("no users: %v", err)
	}
}
