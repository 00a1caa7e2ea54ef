package console

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pawl/hw/web"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

// TestWhatIsMarked pins which fields of the models may hold words of the low side: a mark on everything marks nothing, and one that is missing is a lie.
func TestWhatIsMarked(t *testing.T) {
	var got []string
	var walk func(at string, typ reflect.Type)
	walk = func(at string, typ reflect.Type) {
		switch {
		case typ == reflect.TypeFor[web.Words]():
			got = append(got, at)
		case typ == reflect.TypeFor[time.Time]():
		case typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map:
			walk(at, typ.Elem())
		case typ.Kind() == reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				switch {
				case f.Anonymous && name == "":
					walk(at, f.Type)
				case f.IsExported() && name != "-":
					walk(at+"."+name, f.Type)
				}
			}
		}
	}
	for _, rt := range routes() {
		if rt.shape != nil {
			walk(strings.TrimPrefix(rt.apiPath(), "/transfers/{id}/"), reflect.TypeOf(rt.shape))
		}
	}
	want := []string{
		"/overview.fault", "/overview.warnings", "/overview.arriving.name", "/overview.low_side.version", "/overview.low_side.fault", "/transfers.transfers.name",
		"/transfers/{id}.name", "/transfers/{id}.rejected_because", "/transfers/{id}.verdict.engine", "/transfers/{id}.verdict.version", "/transfers/{id}.verdict.path", "/transfers/{id}.verdict.reason",
		"/transfers/{id}.checks.engine", "/transfers/{id}.checks.version", "/transfers/{id}.checks.path", "/transfers/{id}.checks.reason",
		"/transfers/{id}.waits.for", "/transfers/{id}.waits.decisions.reason", "/transfers/{id}.arrival.value", "/transfers/{id}.history.reason",
		"/transfers/{id}.plan.path", "/transfers/{id}.arrives.name", "confirm.name", "confirm.then_waits_for", "/audit.entries.says.value",
	}
	for _, one := range got {
		if !slices.Contains(want, one) {
			t.Errorf("%s is marked", one)
		}
	}
	for _, one := range want {
		if !slices.Contains(got, one) {
			t.Errorf("%s is not marked", one)
		}
	}
}

// TestWhatIsMarkedInEntries: of an entry of the audit log what the low side can have put there, and what is not known.
func TestWhatIsMarkedInEntries(t *testing.T) {
	sum := strings.Repeat("a", 64)
	one := id(1, 1).String()
	for _, body := range []struct {
		entry  audit.Entry
		marked string
	}{
		{audit.Entry{State: &audit.State{Transfer: one, From: "held", To: "released", Reason: "r"}}, "reason"},
		{audit.Entry{Verdict: &audit.Verdict{Transfer: one, Check: "type", Path: "p", Reason: "r", Engine: "e", Version: "v", File: sum}}, "engine path reason version"},
		{audit.Entry{Rejection: &audit.Rejection{Transfer: one, Who: "alice", Proof: sum, Reason: "r"}}, ""},
		{audit.Entry{Release: &audit.Release{Transfer: one, Name: "n", Inbox: "i", Plan: sum, Proof: sum, Approvals: []string{"alice"}, Sender: "s"}}, "name"},
		{audit.Entry{Witness: &audit.Witness{Size: 3, Root: sum, Alarm: "a"}}, "alarm root"},
		{audit.Entry{Login: &audit.Login{Who: "alice", From: "192.0.2.5", How: audit.ByPassphrase, Session: strings.Repeat("a", 16)}}, ""},
		{audit.Entry{Logout: &audit.Logout{Who: "alice", Session: strings.Repeat("a", 16), Reason: endOut}}, ""},
		{audit.Entry{Refused: &audit.Refused{Who: "alice", Tries: 1, From: []string{"192.0.2.5"}, Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}, ""},
		{audit.Entry{Start: &audit.Start{Program: "pawl-release", Version: "1"}}, ""},
	} {
		e := body.entry
		e.When, e.By = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "pawl-release"
		data, err := audit.AppendEntry(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		var marked []string
		for _, s := range describeEntry(0, data).Says {
			if !s.Ours() {
				marked = append(marked, s.Key)
			}
		}
		if got := strings.Join(marked, " "); got != body.marked {
			t.Errorf("%s: marked are %q, want %q", data, got, body.marked)
		}
	}
	for text, want := range map[string]bool{`3`: true, `-3`: true, `true`: true, `"3"`: false, `{}`: false, `[]`: false, `null`: false, ``: false} {
		if got := number(json.RawMessage(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestOurWordsAreNotMarked: programs, people, what is outstanding and what is refused stand unmarked on the pages; names and reasons of checks are marked.
func TestOurWordsAreNotMarked(t *testing.T) {
	r := newRig(t, nil)
	one := id(1, 1)
	r.arrive(one, small, quarantine.Held)
	body := r.as("alice").get("/transfers/" + one.String()).Body.String()
	for _, want := range []string{"<p>waits for approval: 0 of 2</p>", "<strong>pawl-receive</strong>", `<bdi class="low">report.txt</bdi>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if body := r.as("alice").get("/nothing").Body.String(); !strings.Contains(body, `role="alert">there is no such page</p>`) {
		t.Error("a refusal is marked")
	}
}
