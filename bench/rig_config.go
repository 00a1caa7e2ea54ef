package bench

import (
	"fmt"
	"net/netip"
	"strings"
)

// sendConfig is the configuration of pawl-send; the others are of the other two.
func (r *rig) sendConfig() string {
	s := &r.settings
	return fmt.Sprintf(`state = %q
socket = %q
key = %q
receiver = %q
seal = %q

[link]
remote = %q
rate = "%dbit/s"
mtu = %d
loss = "%v"
burst = %q
burst_every = %q
survive_links = %d
%s
[[channel]]
id = 1
name = %q
folder = %q
passes = %d
pass_gap = %q
`, r.low("state"), r.socket(), r.key("sender", ""), r.key("receiver", ".pub"), s.seal,
		s.remote, s.rate, s.mtu, s.loss, s.burst, s.burstEvery, s.survive, moreLinks("remote", s.more), channelName, r.low("channel"), s.passes, s.passGap) +
		s.beside("priority = \"urgent\"\n\n[[channel]]\nid = 2\nname = %q\nfolder = %q\n", loadName, r.low(loadName))
}

// beside is what a configuration says of the second channel; "" without.
func (s *settings) beside(format string, args ...any) string {
	if !s.load {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

func (r *rig) receiveConfig() string {
	return fmt.Sprintf(`quarantine = %q
state = %q
key = %q
sender = %q
seal = %q
idle = %q

[link]
listen = %q
mtu = %d
%s
[[channel]]
id = 1
name = %q
`, r.high("quarantine"), r.high("state"), r.key("receiver", ""), r.key("sender", ".pub"), r.settings.seal, idle,
		r.settings.listen, r.settings.mtu, moreLinks("listen", r.settings.more), channelName) +
		r.settings.beside("\n[[channel]]\nid = 2\nname = %q\n", loadName)
}

// moreLinks are the tables of further links, which name one end each.
func moreLinks(key string, ends []netip.AddrPort) string {
	var text strings.Builder
	for _, end := range ends {
		fmt.Fprintf(&text, "[[link.more]]\n%s = %q\n", key, end)
	}
	return text.String()
}

func (r *rig) releaseConfig() string {
	return fmt.Sprintf(`quarantine = %q
sender = %q

[audit]
off = true

[[channel]]
id = 1
name = %q
inbox = %q
release = "auto"
`, r.high("quarantine"), r.key("sender", ".pub"), channelName, r.high("inbox")) +
		r.settings.beside("\n[[channel]]\nid = 2\nname = %q\ninbox = %q\nrelease = \"auto\"\n", loadName, r.high("inbox-"+loadName))
}
