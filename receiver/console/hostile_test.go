package console

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pawl/framing"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// hostile are names that a low side may send to turn a page against who reads it.
var hostile = []string{
	"<script>alert(1)<" + "\u2215script>", `"><img src=x onerror=alert(1)>`, "invoice\u202efdp.exe", "{{.CSRF}}", strings.Repeat("w", 255), strings.Repeat("א", 120) + "x",
	"a\u2028b", "‹unmarked›", "&lt;b&gt;", "'-alert(1)-'", "\u2066isolated", "zero\u200bwidth",
}

var tags = regexp.MustCompile(`<[^>]*>`)

// TestHostileNames: in every place that shows them they are escaped, capped, marked, and kept to themselves.
func TestHostileNames(t *testing.T) {
	r := newRig(t, nil)
	shown, sent := 0, 0
	for i, name := range hostile {
		one := id(1, uint64(i+1))
		dir, err := r.store.Create(one)
		if err != nil {
			t.Fatal(err)
		}
		file := name
		if framing.CheckPath(file) == nil {
			sent++
		} else {
			file = "fine" // the plan can't have it; history and beats can
		}
		checktest.Build(t, one, r.sender, []checktest.Entry{{Path: file, Data: []byte("x")}}).Write(t, dir)
		event := quarantine.Event{Who: name, From: quarantine.Incoming, To: quarantine.Complete, Reason: name}
		if err := r.store.Record(one, quarantine.Incoming, event); err != nil {
			t.Fatal(err)
		}
		if err := r.store.Move(one, quarantine.Incoming, quarantine.Complete); err != nil {
			t.Fatal(err)
		}
		if _, err := r.gate.Run(t.Context(), one, quarantine.Complete); err != nil {
			t.Fatal(err)
		}
	}
	r.situation(func(s *quarantine.Situation) {
		s.Warnings = hostile
		s.Beat = &quarantine.Beat{Version: hostile[0], Fault: hostile[2]}
		s.Transfers = []quarantine.Arriving{{ID: "<script>", Channel: "<script>"}, {ID: id(1, 77).String(), Channel: "<script>", Blocks: 3, BlocksWritten: 9}}
	})
	r.c.link.take()
	r.indexed()
	ada := r.as("ada")
	pages := []string{"/", "/transfers", "/audit", "/ledger", "/link", "/transfers?q=" + url.QueryEscape(hostile[0]), "/transfers?q=" + url.QueryEscape(hostile[3])}
	for i := range hostile {
		pages = append(pages, "/transfers/"+id(1, uint64(i+1)).String())
	}
	for _, page := range pages {
		w := ada.get(page)
		body := w.Body.String()
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", page, w.Code, body)
		}
		for _, bad := range []string{"<script>", "<img src=x", "onerror=alert(1)>", "\u202e", "\u2028", "\u2066", "\u200b", ada.csrf + "</bdi>"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", page, bad)
			}
		}
		for _, bdi := range regexp.MustCompile(`<bdi class="low">(.*?)</bdi>`).FindAllStringSubmatch(body, -1) {
			shown++
			if n := len([]rune(bdi[1])); n > 6*shownText || tags.MatchString(bdi[1]) {
				t.Errorf("%s: marked text of %d characters, %.60q", page, n, bdi[1])
			}
		}
	}
	if sent < 5 {
		t.Errorf("only %d of the names can be sent at all", sent)
	}
	if shown < 5*len(hostile) {
		t.Errorf("%d texts are marked: some pages did not show them", shown)
	}
	text := ada.get(apiPrefix + "/transfers").Body.String()
	var l struct{ Transfers []struct{ Name string } }
	if err := json.Unmarshal([]byte(text), &l); err != nil || len(l.Transfers) != len(hostile) {
		t.Fatalf("%d, %v", len(l.Transfers), err)
	}
	if strings.Contains(text, "<") {
		t.Error("the API's text has markup that a browser could take for a page")
	}
}

// situation writes what pawl-receive says.
func (r *rig) situation(change func(*quarantine.Situation)) {
	r.t.Helper()
	s := &quarantine.Situation{Time: time.Now(), Started: time.Now().Add(-time.Hour), Warnings: []string{}, Transfers: []quarantine.Arriving{}}
	s.Ledger.Rejected = map[string]quarantine.Count{}
	change(s)
	data, err := json.Marshal(s)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := quarantine.WriteFile(filepath.Join(r.root, filepath.Dir(quarantine.SituationFile)), filepath.Base(quarantine.SituationFile), data); err != nil {
		r.t.Fatal(err)
	}
}

// TestDamagedFolders: a transfer whose files are nonsense, links or missing has a page all the same, or an error that tells nothing of this machine.
func TestDamagedFolders(t *testing.T) {
	r := newRig(t, nil)
	vera := r.as("vera")
	for i, damage := range []func(dir string) error{
		func(dir string) error {
			return os.WriteFile(filepath.Join(dir, quarantine.PlanFile), []byte("x"), 0o600)
		},
		func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, quarantine.PlanFile)) },
		func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, quarantine.HistoryFile)) },
		func(dir string) error { return os.Mkdir(filepath.Join(dir, quarantine.ProofFile), 0o700) },
		func(dir string) error {
			return os.WriteFile(filepath.Join(dir, quarantine.MissingFile), []byte("{"), 0o600)
		},
		func(dir string) error { return os.WriteFile(filepath.Join(dir, "verdict.json"), []byte("{"), 0o600) },
	} {
		one := id(1, uint64(i+1))
		dir, err := r.store.Create(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		w := vera.get("/transfers/" + one.String())
		if w.Code != http.StatusOK && w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "root:") || strings.Contains(w.Body.String(), r.root) {
			t.Errorf("damage %d: %d %s", i, w.Code, w.Body)
		}
	}
	r.indexed()
	if got := vera.get("/transfers").Code; got != http.StatusOK {
		t.Errorf("the list: %d", got)
	}
}
