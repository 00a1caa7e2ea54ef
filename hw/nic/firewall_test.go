package nic

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// nftRules writes rules of the chain inet f in as nft -j does.
func nftRules(chain string, exprs ...string) (text string) {
	for i, e := range exprs {
		text += fmt.Sprintf(`,{"rule": {"family": "inet", "table": "f", "chain": %q, "handle": %d, "expr": [%s]}}`, chain, i+1, e)
	}
	return text
}

func match(op, left, right string) string {
	return fmt.Sprintf(`{"match": {"op": %q, "left": %s, "right": %s}}`, op, left, right)
}

const (
	dport  = `{"payload": {"protocol": "udp", "field": "dport"}}`
	tport  = `{"payload": {"protocol": "tcp", "field": "dport"}}`
	saddr  = `{"payload": {"protocol": "ip", "field": "saddr"}}`
	s6addr = `{"payload": {"protocol": "ip6", "field": "saddr"}}`
	state  = `{"ct": {"key": "state"}}`
	iif    = `{"meta": {"key": "iifname"}}`
	oif    = `{"meta": {"key": "oifname"}}`
	l4     = `{"meta": {"key": "l4proto"}}`
	mark   = `{"meta": {"key": "mark"}}`
	drop   = `{"drop": null}`
	accept = `{"accept": null}`
)

func TestFirewallJudgesThePacket(t *testing.T) {
	policyDrop := strings.Replace(inputChain, `"accept"`, `"drop"`, 1)
	sub := `,{"chain": {"family": "inet", "table": "f", "name": "sub"}}`
	for _, c := range []struct {
		name, chain, rules string
		drop, certain      bool
	}{
		{"nothing", inputChain, "", false, false},
		{"policy", policyDrop, "", true, true},
		{"policy, port accepted", policyDrop, nftRules("in", match("==", dport, "4600")+","+accept), false, false},
		{"policy, other port accepted", policyDrop, nftRules("in", match("==", dport, "4601")+","+accept), true, true},
		{"policy, established accepted", policyDrop, nftRules("in", match("in", state, `["established", "related"]`)+","+accept), true, true},
		{"policy, new accepted", policyDrop, nftRules("in", match("in", state, `"new"`)+","+accept), false, false},
		{"policy, loopback accepted", policyDrop, nftRules("in", match("==", iif, `"lo"`)+","+accept), true, true},
		{"policy, interface accepted", policyDrop, nftRules("in", match("==", iif, `"nic0.7"`)+","+accept), false, false},
		{"policy, accepted by mark", policyDrop, nftRules("in", match("==", mark, "7")+","+accept), true, false},
		{"set", inputChain, nftRules("in", match("==", dport, `{"set": [22, {"range": [4600, 4700]}]}`)+","+drop), true, true},
		{"named set", inputChain, nftRules("in", match("==", dport, `"@ports"`)+","+drop), true, false},
		{"other port", inputChain, nftRules("in", match("!=", dport, "4600")+`,{"reject": {}}`), false, false},
		{"all but a TCP port", inputChain, nftRules("in", match("!=", tport, "22")+","+drop), false, false},
		{"network", inputChain, nftRules("in", match("==", saddr, `{"prefix": {"addr": "10.9.0.0", "len": 24}}`)+","+drop), true, true},
		{"not that network", inputChain, nftRules("in", match("!=", saddr, `{"prefix": {"addr": "10.9.0.0", "len": 24}}`)+","+drop), false, false},
		{"address range", inputChain, nftRules("in", match("==", saddr, `{"range": ["10.0.0.0", "10.255.0.0"]}`)+","+drop), true, true},
		{"other family", inputChain, nftRules("in", match("!=", s6addr, `"::1"`)+","+drop), false, false},
		{"all UDP", inputChain, nftRules("in", match("==", l4, `"udp"`)+`,{"counter": {"packets": 0}},`+drop), true, true},
		{"out interface", inputChain, nftRules("in", match("==", oif, `"nic0.7"`)+","+drop), false, false},
		{"accepted before", inputChain, nftRules("in", match("==", dport, "4600")+","+accept, drop), false, false},
		{"limit", inputChain, nftRules("in", `{"limit": {"rate": 1}},`+accept, drop), true, false},
		{"map", inputChain, nftRules("in", `{"vmap": {"key": {}, "data": {}}}`), true, false},
		{"jump drops", inputChain + sub, nftRules("in", `{"jump": {"target": "sub"}}`) + nftRules("sub", drop), true, true},
		{"jump accepts", policyDrop + sub, nftRules("in", `{"jump": {"target": "sub"}}`) + nftRules("sub", accept), false, false},
		{"jump returns", policyDrop + sub, nftRules("in", `{"jump": {"target": "sub"}}`) + nftRules("sub", `{"return": null}`, accept), true, true},
		{"jump perhaps", inputChain + sub, nftRules("in", match("==", mark, "7")+`,{"jump": {"target": "sub"}}`) + nftRules("sub", drop), true, false},
		{"jump in a circle", inputChain, nftRules("in", `{"jump": {"target": "in"}}`), false, false},
		{"jumps without end", inputChain, nftRules("in", `{"jump": {"target": "in"}}`, `{"jump": {"target": "in"}}`), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := parseRuleset([]byte(`{"nftables": [` + c.chain + c.rules + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			p := &packet{from: lowAddress, to: highAddress, port: 4600, stack: []string{"nic0.7", "nic0"}}
			got := set.judge(p, hooks(High))
			if got.drop != c.drop || got.certain != c.certain || got.drop && (got.chain == nil || got.where == "") {
				t.Errorf("drop %t, certain %t (%s), want %t, %t", got.drop, got.certain, got.where, c.drop, c.certain)
			}
			if got := set.judge(p, hooks(Low)); got.drop {
				t.Errorf("a chain for what comes in drops what goes out: %+v", got)
			}
		})
	}
}

// TestEgressGuard: the rule that the egress finding tells people to make satisfies it, whether nft's JSON names the devices or not.
func TestEgressGuard(t *testing.T) {
	for _, chain := range []string{
		egressChain, strings.Replace(egressChain, `"hook"`, `"dev": "nic0", "hook"`, 1), strings.Replace(egressChain, `"hook"`, `"dev": ["x", "nic0"], "hook"`, 1),
	} {
		f := newFake()
		f.rules(chain, "")
		if found := examine(t, f, link(High))["egress"]; found.Severity != OK {
			t.Errorf("%s: %+v", chain, found)
		}
	}
	for name, change := range map[string][2]string{
		"other device": {`"hook"`, `"dev": "nic9", "hook"`}, "accepts": {`"drop"`, `"accept"`}, "way in": {`"egress"`, `"ingress"`},
	} {
		f := newFake()
		f.rules(strings.Replace(egressChain, change[0], change[1], 1), "")
		if found := examine(t, f, link(High))["egress"]; found.Severity != Note {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestTextDevices(t *testing.T) {
	for text, want := range map[string]string{
		"type filter hook egress devices = { in0, \"in1\" } priority 0": "[in0 in1]",
		"type filter hook ingress device \"in0\" priority 0":            "[in0]",
		"type filter hook input priority 0":                             "[]",
		"device ":                                                       "[]",
	} {
		if got := fmt.Sprint(textDevices(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// FuzzRuleset: what nft prints is another program's word; nothing of it may stop the doctor.
func FuzzRuleset(f *testing.F) {
	f.Add([]byte(`{"nftables": [` + inputChain + nftRules("in", match("==", dport, "4600")+","+drop) + `]}`))
	f.Add([]byte(`{"nftables": [` + inputChain + nftRules("in", `{"jump": {"target": "in"}}`, `{"jump": {"target": "in"}}`) + `]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := parseRuleset(text)
		if err != nil {
			return
		}
		p := &packet{from: netip.MustParseAddr("10.9.0.1"), to: highAddress, port: 4600, stack: []string{"nic0"}}
		set.judge(p, hooks(High))
		set.guarded("nic0")
	})
}
