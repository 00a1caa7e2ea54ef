package console

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pawl/receiver/quarantine"
)

// TestConfirmSignsNothing: the step before a decision says all that will be signed and what comes of it, and changes nothing.
func TestConfirmSignsNothing(t *testing.T) {
	r := newRig(t, nil)
	two, one := id(1, 1), id(2, 2)
	r.arrive(two, small, quarantine.Held)
	r.arrive(one, small, quarantine.Held)
	alice, bob := r.as("alice"), r.as("bob")
	ask := func(c *client, id quarantine.ID, action string, more ...string) (p struct {
		Name, Action, Reason string
		Then                 int  `json:"approvals_then"`
		AtOnce               bool `json:"released_at_once"`
	}) {
		t.Helper()
		w := c.call("/transfers/"+id.String()+"/confirm", asMap(c.decision(id, action, more...)))
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", action, w.Code, w.Body)
		}
		unmarshal(t, w, &p)
		return p
	}
	if p := ask(alice, one, "approve"); !p.AtOnce || p.Then != 1 || p.Name != "report.txt" {
		t.Errorf("one is enough: %+v", p)
	}
	if p := ask(alice, two, "approve"); p.AtOnce || p.Then != 1 {
		t.Errorf("the first of two: %+v", p)
	}
	if p := ask(bob, two, "reject", "reason", "not <ordered>"); p.AtOnce || p.Then != 0 || p.Reason != "not <ordered>" {
		t.Errorf("rejecting: %+v", p)
	}
	if w := alice.post("/transfers/"+two.String()+"/decide", alice.decision(two, "approve")...); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if p := ask(bob, two, "approve"); !p.AtOnce || p.Then != 2 {
		t.Errorf("the second of two: %+v", p)
	}
	if p := ask(alice, two, "revoke"); p.AtOnce || p.Then != 0 {
		t.Errorf("taking it back: %+v", p)
	}
	w := bob.post("/transfers/"+two.String()+"/confirm", bob.decision(two, "approve")...)
	for _, want := range []string{`<bdi class="low">report.txt</bdi>`, two.String(), "2 of 2 approvals", "is released at once", `action="/transfers/` + two.String() + `/decide"`} {
		if body := w.Body.String(); !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if got := r.state(one); got != quarantine.Held {
		t.Errorf("it is %s", got)
	}
	waits, err := r.gate.Waits(one)
	if err != nil || len(waits.Decisions) != 0 {
		t.Errorf("%+v, %v", waits, err)
	}
	if w := bob.post("/transfers/"+two.String()+"/confirm", bob.decision(two, "reject", "reason", " ")...); w.Code != http.StatusBadRequest {
		t.Errorf("a rejection without a reason: %d", w.Code)
	}
}

// TestOnlyWhatWasShownIsSaid: what is signed as shown was rendered in that session at those digests, and an approval without it is refused.
func TestOnlyWhatWasShownIsSaid(t *testing.T) {
	r := newRig(t, nil)
	one := id(1, 1)
	r.arrive(one, small, quarantine.Held)
	fields := r.as("bob").decision(one, "approve")
	alice := r.as("alice")
	target := "/transfers/" + one.String()
	if w := alice.post(target+"/decide", fields...); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "must see: files, verdicts") {
		t.Errorf("nothing was shown: %d %s", w.Code, w.Body)
	}
	w := alice.post(target+"/decide", "action", "reject", "reason", "unseen", "proof", fields[3], "verdicts", fields[5])
	if w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	filed, err := os.ReadFile(filepath.Join(r.store.Dir(quarantine.Rejected, one), "decision-alice"))
	if err != nil || !strings.Contains(string(filed), `"shown":[]`) {
		t.Errorf("signed as shown: %s, %v", filed, err)
	}
	s, err := r.c.sessions.find(alice.token, false)
	if err != nil {
		t.Fatal(err)
	}
	look := &details{id: one, plan: [32]byte{1}, Pages: 2, Proof: "a", Digest: "b"}
	s.show(look, 1, shownVerdicts)
	look.list(s.saw(look))
	if got := strings.Join(look.Seen, " "); got != "verdicts" {
		t.Errorf("seen: %s", got)
	}
	s.show(look, 2)
	if got := s.saw(look); !got[shownFiles] || !got[shownVerdicts] || got[shownHistory] {
		t.Errorf("seen: %v", got)
	}
	look.Digest = "c" // checked again: the files are the same, the verdicts are not
	if got := s.saw(look); !got[shownFiles] || got[shownVerdicts] {
		t.Errorf("at other verdicts: %v", got)
	}
	look.plan[0] = 2
	if got := s.saw(look); got[shownFiles] {
		t.Errorf("of another plan: %v", got)
	}
}

// TestPageLeadsToItsForms: a page that was opened before its transfer was held leads to one that has the forms, and the link changes with what would be signed.
func TestPageLeadsToItsForms(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Complete)
	alice := r.as("alice")
	links := regexp.MustCompile(`href="(/transfers/[^"]*)#do-h"`)
	link := func() string {
		t.Helper()
		body := alice.get("/transfers/" + one.String()).Body.String()
		live, _, _ := strings.Cut(body, `id="checks-h"`)
		if found := links.FindStringSubmatch(live); found != nil {
			if !strings.Contains(body, `id="do-h"`) {
				t.Error("it leads nowhere")
			}
			return found[1]
		}
		return ""
	}
	before := link()
	if _, err := r.gate.Run(t.Context(), one, quarantine.Complete); err != nil {
		t.Fatal(err)
	}
	held := link()
	if held == "" || held == before {
		t.Fatalf("held: %q, before %q", held, before)
	}
	if again := link(); again != held {
		t.Errorf("nothing has changed: %q, %q", again, held)
	}
	target := strings.ReplaceAll(held, "&amp;", "&")
	if w := alice.get(target); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Reject for good") {
		t.Errorf("%s: %d", target, w.Code)
	}
}
