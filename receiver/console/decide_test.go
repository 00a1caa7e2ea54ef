package console

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// TestTwoPeopleApprove: one person alone can't, not even twice; two can, and the gate then releases. What they signed is in the audit log.
func TestTwoPeopleApprove(t *testing.T) {
	told := 0
	r := newRig(t, func(c *Config) { c.Decided = func() { told++ } })
	one := id(1, 1)
	r.arrive(one, small, quarantine.Held)
	target := "/transfers/" + one.String() + "/decide"
	alice, bob := r.as("alice"), r.as("bob")
	if w := alice.post(target, alice.decision(one, "approve")...); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/transfers/"+one.String() {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	twice := alice.post(target, alice.decision(one, "approve")...)
	if twice.Code != http.StatusConflict || !strings.Contains(twice.Body.String(), "has done so already") {
		t.Errorf("twice: %d %s", twice.Code, twice.Body)
	}
	again := r.as("alice") // another session is the same person
	if w := again.post(target, again.decision(one, "approve")...); w.Code != http.StatusConflict {
		t.Errorf("twice, from another session: %d", w.Code)
	}
	var d struct {
		Waits struct{ Approved, Need int }
		May   may
	}
	alice.read("/transfers/"+one.String(), &d)
	if d.Waits.Approved != 1 || d.Waits.Need != 2 || d.May.Approve || !d.May.Revoke {
		t.Errorf("after one: %+v", d)
	}
	if _, err := r.gate.Run(context.Background(), one, quarantine.Held); err == nil {
		t.Error("released with one approval")
	}
	if w := bob.call(strings.TrimPrefix(target, ""), asMap(bob.decision(one, "approve"))); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if told != 2 {
		t.Errorf("told %d times", told)
	}
	if st, err := r.gate.Run(context.Background(), one, quarantine.Held); err != nil || st != quarantine.Released {
		t.Fatalf("%v, %v", st, err)
	}
	var log struct {
		Entries []struct {
			By, Kind, Transfer string
			Says               []struct{ Key, Value string }
		}
	}
	r.as("otto").read("/audit", &log)
	found := map[string]bool{}
	for _, e := range log.Entries {
		for _, s := range e.Says {
			if e.Kind == "approval" && e.Transfer == one.String() && s.Key == "who" {
				found[s.Value] = true
			}
		}
	}
	if !found["alice"] || !found["bob"] {
		t.Errorf("the log tells of %v", found)
	}
}

func asMap(fields []string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(fields); i += 2 {
		m[fields[i]] = fields[i+1]
	}
	return m
}

// TestRevoke: a yes is taken back; after that it does not count.
func TestRevoke(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	alice := r.as("alice")
	target := "/transfers/" + one.String() + "/decide"
	for _, action := range []string{"approve", "revoke"} {
		if w := alice.post(target, alice.decision(one, action)...); w.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", action, w.Code, w.Body)
		}
		r.skip(2e6) // decisions are ordered by the millisecond
	}
	if _, err := r.gate.Run(context.Background(), one, quarantine.Held); err == nil {
		t.Error("released after the approval was taken back")
	}
	if st := r.state(one); st != quarantine.Held {
		t.Errorf("it is %s", st)
	}
}

// TestOnlyWhatWasSeenIsSigned: other digests than those of now, nothing shown, no reason, no such action.
func TestOnlyWhatWasSeenIsSigned(t *testing.T) {
	r := newRig(t, nil)
	one := id(1, 1)
	many := []checktest.Entry{{Path: "d", Dir: true}}
	for i := range filesPage + 1 {
		many = append(many, checktest.Entry{Path: "d/" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)})
	}
	r.arrive(one, many, quarantine.Held)
	alice := r.as("alice")
	target := "/transfers/" + one.String()
	fields := alice.decision(one, "approve")
	if w := alice.post(target+"/decide", fields...); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "must see") {
		t.Errorf("with one of two pages of files shown: %d", w.Code)
	}
	if body := alice.get(target).Body.String(); !strings.Contains(body, "you must have seen") || strings.Contains(body, `value="approve"`) {
		t.Error("the page lets approve before all was shown")
	}
	if got := alice.get(target + "?files=3").Code; got != http.StatusNotFound {
		t.Errorf("a page of files that is not there: %d", got)
	}
	if body := alice.get(target + "?files=2").Body.String(); !strings.Contains(body, `value="approve"`) {
		t.Error("all was shown, and approving is not offered")
	}
	for name, one := range map[string]struct {
		fields []string
		code   int
	}{
		"other proof":    {[]string{"action", "approve", "proof", strings.Repeat("0", 64), "verdicts", fields[5]}, http.StatusConflict},
		"other verdicts": {[]string{"action", "approve", "proof", fields[3], "verdicts", strings.Repeat("0", 64)}, http.StatusConflict},
		"no digests":     {[]string{"action", "approve"}, http.StatusBadRequest},
		"no reason":      {[]string{"action", "reject", "proof", fields[3], "verdicts", fields[5], "reason", "  "}, http.StatusBadRequest},
		"long reason":    {[]string{"action", "reject", "proof", fields[3], "verdicts", fields[5], "reason", strings.Repeat("x", 1025)}, http.StatusBadRequest},
		"no action":      {[]string{"action", "like", "proof", fields[3], "verdicts", fields[5]}, http.StatusBadRequest},
		"not approved":   {[]string{"action", "revoke", "proof", fields[3], "verdicts", fields[5]}, http.StatusConflict},
	} {
		if w := alice.post(target+"/decide", one.fields...); w.Code != one.code {
			t.Errorf("%s: %d, want %d", name, w.Code, one.code)
		}
	}
	if w := alice.post(target+"/decide", fields...); w.Code != http.StatusSeeOther {
		t.Errorf("at last: %d %s", w.Code, w.Body)
	}
	gone := id(1, 99)
	if w := alice.post("/transfers/"+gone.String()+"/decide", fields...); w.Code != http.StatusNotFound {
		t.Errorf("a transfer that is not there: %d", w.Code)
	}
}

// TestCarried: tickets and receipts are given to who asks by POST, in his name, and not by looking.
func TestCarried(t *testing.T) {
	r := newRig(t, nil)
	lost, held := id(1, 1), id(1, 2)
	r.arrive(lost, small, quarantine.Incomplete)
	r.arrive(held, small, quarantine.Held)
	bob := r.as("bob")
	for _, one := range []quarantine.ID{lost, held} {
		bob.get("/transfers/" + one.String())
		for _, path := range []string{"/ticket", "/receipt"} {
			if got := bob.get("/transfers/" + one.String() + path).Code; got != http.StatusNotFound && got != http.StatusMethodNotAllowed {
				t.Errorf("GET %s: %d", path, got)
			}
		}
	}
	if len(r.given) != 0 {
		t.Fatalf("looking gave %v", r.given)
	}
	w := bob.post("/transfers/"+lost.String()+"/ticket", "part", "2")
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "09GM3-0HV4Q-09GM3") || !strings.Contains(body, `<svg class="qr"`) {
		t.Errorf("%d %s", w.Code, body)
	}
	if w := bob.call("/transfers/"+held.String()+"/receipt", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "0G3KM-0G3KM") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := strings.Join(r.given, "; "); got != "ticket 2 of "+lost.String()+" to bob; receipt of "+held.String()+" to bob" {
		t.Errorf("given: %s", got)
	}
	if w := bob.get("/transfers/" + held.String() + "/evidence"); w.Header().Get("Content-Type") != "application/zip" || !strings.HasPrefix(w.Body.String(), "PK") {
		t.Errorf("evidence: %d %v", w.Code, w.Header())
	}
}

// TestRecheck: an admin has a held transfer checked again, which approves nothing.
func TestRecheck(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Held)
	ada := r.as("ada")
	if w := ada.post("/transfers/" + one.String() + "/recheck"); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if st := r.state(one); st != quarantine.Held {
		t.Errorf("it is %s", st)
	}
}

// TestAuditPages: newest first, each entry once, none left out.
func TestAuditPages(t *testing.T) {
	r := newRig(t, nil)
	for range 2*auditEach + 7 {
		if _, err := r.gate.Enter(&audit.Start{Program: "p\u202e<b>", Version: "v"}); err != nil {
			t.Fatal(err)
		}
	}
	otto := r.as("otto")
	next := int64(2*auditEach + 6)
	for _, page := range []string{"1", "2", "3"} {
		var p struct {
			Pages   int
			Entries []struct{ Index int64 }
		}
		otto.read("/audit?page="+page, &p)
		if p.Pages != 3 {
			t.Errorf("%d pages", p.Pages)
		}
		for _, e := range p.Entries {
			if e.Index != next {
				t.Fatalf("entry %d, want %d", e.Index, next)
			}
			next--
		}
	}
	if next != -1 {
		t.Errorf("%d entries were not shown", next+1)
	}
	if body := otto.get("/audit").Body.String(); !strings.Contains(body, `<dd>p\u202e&lt;b&gt;</dd>`) {
		t.Error("an entry's text is not escaped, or marked though it is a program's name")
	}
	if w := otto.get("/audit?page=4"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/audit?page=3" {
		t.Errorf("beyond the end: %d, %v", w.Code, w.Header())
	}
}
