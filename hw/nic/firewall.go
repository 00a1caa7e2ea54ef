package nic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strings"
)

// ruleset is what nft lists.
type ruleset struct {
	chains []chain
	rules  []rule
}

// chain is an nft chain; one with a hook is entered by packets, the others by jumps.
type chain struct {
	Family  string
	Table   string
	Name    string
	Hook    string
	Policy  string
	Prio    int
	Dev     json.RawMessage // a name, a list of them, or (nft 1.0) left out
	devices []string
}

// rule is an nft rule: expressions from left to right.
type rule struct {
	Family string
	Table  string
	Chain  string
	Handle int
	Expr   []map[string]json.RawMessage
}

// readFirewall lists the rules of nftables, iptables-nft's among them.
func (m *Machine) readFirewall(ctx context.Context) (ruleset, error) {
	text, err := m.Run(ctx, "nft", "-j", "list", "ruleset")
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return ruleset{}, errors.New("nft is not installed")
		}
		if strings.Contains(err.Error(), "Operation not permitted") {
			return ruleset{}, fs.ErrPermission
		}
		return ruleset{}, err
	}
	set, err := parseRuleset(text)
	if err != nil {
		return ruleset{}, fmt.Errorf("read what nft lists: %w", err)
	}
	for i := range set.chains {
		c := &set.chains[i]
		if c.Family != "netdev" || c.Hook == "" || len(c.devices) > 0 {
			continue
		}
		// nft 1.0 leaves the devices out of its JSON, but not out of its text.
		if text, err := m.Run(ctx, "nft", "list", "chain", c.Family, c.Table, c.Name); err == nil {
			c.devices = textDevices(string(text))
		}
	}
	return set, nil
}

func parseRuleset(text []byte) (set ruleset, err error) {
	var list struct {
		Nftables []struct {
			Chain *chain
			Rule  *rule
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return set, err
	}
	for _, entry := range list.Nftables {
		switch {
		case entry.Chain != nil:
			c := *entry.Chain
			var one string
			if json.Unmarshal(c.Dev, &one) == nil && one != "" {
				c.devices = []string{one}
			} else {
				_ = json.Unmarshal(c.Dev, &c.devices) // neither: no devices
			}
			set.chains = append(set.chains, c)
		case entry.Rule != nil:
			set.rules = append(set.rules, *entry.Rule)
		}
	}
	slices.SortStableFunc(set.chains, func(a, b chain) int { return a.Prio - b.Prio })
	return set, nil
}

// textDevices finds "device "x"" or "devices = { x, y }" in a chain's text.
func textDevices(text string) []string {
	if _, rest, ok := strings.Cut(text, "devices = {"); ok {
		names, _, _ := strings.Cut(rest, "}")
		return strings.FieldsFunc(names, func(r rune) bool { return strings.ContainsRune(" ,\"", r) })
	}
	if _, rest, ok := strings.Cut(text, "device "); ok {
		names := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" ;\"", r) })
		return names[:min(1, len(names))]
	}
	return nil
}

// hooks are the places that a packet of the link passes on either side; "egress" and "ingress" are a device's.
func hooks(side Side) []string {
	if side == Low {
		return []string{"output", "postrouting", "egress"}
	}
	return []string{"ingress", "prerouting", "input"}
}

// entered are the chains that packets of a flow enter.
func (s *ruleset) entered(p *packet, hooks []string) (found []*chain) {
	for i := range s.chains {
		c := &s.chains[i]
		if !slices.Contains(hooks, c.Hook) || c.Family == "ip" && p.ipv6 || c.Family == "ip6" && !p.ipv6 {
			continue
		}
		switch c.Family {
		case "inet", "ip", "ip6":
			found = append(found, c)
		case "netdev":
			if slices.ContainsFunc(c.devices, func(d string) bool { return slices.Contains(p.stack, d) }) {
				found = append(found, c)
			}
		}
	}
	return found
}

// fate is what a ruleset does to a packet.
type fate struct {
	drop    bool
	certain bool   // false: it depends on what can't be told from here
	where   string // the rule or policy
	chain   *chain
}

// judge follows a packet through the chains that it enters. The first certain drop is the answer, else the first possible one.
func (s *ruleset) judge(p *packet, hooks []string) (worst fate) {
	for _, c := range s.entered(p, hooks) {
		w := walk{set: s, packet: p}
		f := w.chain(c, true, 0)
		if f.drop && f.certain {
			f.chain = c
			return f
		}
		if f.drop && !worst.drop {
			f.chain = c
			worst = f
		}
	}
	return worst
}

// guarded says whether an interface has an nft rule on its way out that drops everything, whatever made it.
func (s *ruleset) guarded(device string) bool {
	f := s.judge(&packet{any: true, out: true, stack: []string{device}}, []string{"egress"})
	return f.drop && f.certain
}

// walk is one packet's way through one base chain.
type walk struct {
	set      *ruleset
	packet   *packet
	accepted bool // a rule may have taken the packet out before
	possible fate // the first possible drop
	ended    bool
	steps    int
}

const (
	// maxJumps is NFT_JUMP_STACK_SIZE of the kernel.
	maxJumps = 16
	// maxSteps bounds the rules looked at: jumps can make more ways through a ruleset than anybody can follow.
	maxSteps = 20_000
)

// chain applies rules in order. sure says that the packet certainly comes here.
func (w *walk) chain(c *chain, sure bool, depth int) fate {
	for i := range w.set.rules {
		r := &w.set.rules[i]
		if r.Family != c.Family || r.Table != c.Table || r.Chain != c.Name {
			continue
		}
		if w.steps++; w.steps > maxSteps {
			return w.dropped(false, fmt.Sprintf("%s %s %s: more rules than the doctor follows", c.Family, c.Table, c.Name))
		}
		if f, done := w.rule(r, sure, depth); done {
			return f
		}
	}
	if c.Policy == "drop" {
		return w.dropped(sure, fmt.Sprintf("%s %s %s: policy drop", c.Family, c.Table, c.Name))
	}
	return w.possible
}

// dropped is the end at a drop.
func (w *walk) dropped(sure bool, where string) fate {
	f := fate{drop: true, certain: sure && !w.accepted, where: where}
	if !f.certain && w.possible.drop {
		return w.possible
	}
	return f
}

// rule applies one rule; done means that the packet's fate in the base chain is settled, or that the chain returns.
func (w *walk) rule(r *rule, sure bool, depth int) (f fate, done bool) {
	for _, expr := range r.Expr {
		for kind, body := range expr {
			where := fmt.Sprintf("%s %s %s handle %d", r.Family, r.Table, r.Chain, r.Handle)
			switch kind {
			case "counter", "log", "comment", "mangle", "notrack":
			case "accept", "return":
				return w.leave(sure, kind == "accept")
			case "drop", "reject":
				if !sure {
					w.possible = w.dropped(false, where)
					return fate{}, false
				}
				return w.dropped(true, where), true
			case "jump", "goto":
				return w.jump(r, body, sure, depth, kind == "goto")
			case "match":
				switch w.packet.matches(body) {
				case no:
					return fate{}, false
				case unknown:
					sure = false
				}
			default: // limit, vmap, queue, dup, ...
				sure = false
				if kind == "vmap" || kind == "queue" {
					w.possible = w.dropped(false, where)
				}
			}
		}
	}
	return fate{}, false
}

// leave is an accept or return: certain ones end the chain, others make what follows uncertain.
func (w *walk) leave(sure, accept bool) (fate, bool) {
	if sure {
		w.ended = w.ended || accept
		return w.possible, true
	}
	w.accepted = true
	return fate{}, false
}

func (w *walk) jump(r *rule, body json.RawMessage, sure bool, depth int, leave bool) (fate, bool) {
	var to struct{ Target string }
	if json.Unmarshal(body, &to) != nil || depth >= maxJumps {
		return fate{}, false
	}
	for i := range w.set.chains {
		c := &w.set.chains[i]
		if c.Family != r.Family || c.Table != r.Table || c.Name != to.Target {
			continue
		}
		f := w.chain(c, sure, depth+1)
		if f.drop && f.certain || w.ended && sure {
			return f, true
		}
		w.possible = f
		return f, leave && sure
	}
	return fate{}, false
}
