package console

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"pawl/framing"
	"pawl/hw/web/webtest"
	"pawl/receiver/audit"
	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// The transfers of the stage.
var (
	heldTree   = id(1, 1) // waits for two people
	heldSmall  = id(2, 1) // waits for one person
	incomplete = id(1, 30)
	refusedOne = id(1, 31)
	released   = id(2, 32)
	arrives    = id(1, 50)
	full       = id(1, 51) // files on two pages
	hostileOne = id(1, 10)
	longest    = id(1, 14)
)

// stage is a rig with something of everything, served over TCP on loopback.
func stage(t *testing.T) (r *rig, base string) {
	t.Helper()
	r = newRig(t, func(c *Config) {
		c.Enter = func(who string, body audit.Body) error {
			if who == "" {
				_, err := r.gate.Enter(body)
				return err
			}
			_, err := r.gate.EnterFor(who, body)
			return err
		}
		c.Evidence = func(w io.Writer, id quarantine.ID) error {
			z := zip.NewWriter(w)
			f, err := z.Create("checkpoint")
			if err == nil {
				_, err = fmt.Fprint(f, "of ", id)
			}
			return errors.Join(err, z.Close())
		}
	})
	r.arrive(heldTree, checktest.Tree(), quarantine.Held)
	r.arrive(heldSmall, small, quarantine.Held)
	for i, name := range hostile[:6] {
		if framing.CheckPath(name) == nil {
			r.arrive(id(1, uint64(i+10)), []checktest.Entry{{Path: name, Data: []byte("x")}}, quarantine.Held)
		}
	}
	r.arrive(incomplete, small, quarantine.Incomplete)
	r.arrive(arrives, small, quarantine.Incoming)
	var many []checktest.Entry
	for i := range filesPage + 20 {
		many = append(many, checktest.Entry{Path: fmt.Sprintf("many/part-%04d", i), Data: []byte("x")})
	}
	r.arrive(full, append([]checktest.Entry{{Path: "many", Dir: true}}, many...), quarantine.Held)
	r.arrive(refusedOne, []checktest.Entry{{Path: "quarterly report.xlsx", Data: []byte("x"), ModTime: 17e17}}, quarantine.Held)
	r.arrive(released, []checktest.Entry{{Path: "timetable.pdf", Data: []byte("x"), ModTime: 17e17}}, quarantine.Held)
	alice := r.as("alice")
	for _, d := range []struct {
		of             quarantine.ID
		action, reason string
	}{{refusedOne, "reject", "not ordered by anybody: " + strings.Repeat("see the ticket in the other system, ", 6)}, {released, "approve", ""}} {
		if w := alice.post("/transfers/"+d.of.String()+"/decide", alice.decision(d.of, d.action, "reason", d.reason)...); w.Code != 303 {
			t.Fatalf("%s: %d %s", d.action, w.Code, w.Body)
		}
	}
	if st, err := r.gate.Run(t.Context(), released, quarantine.Held); err != nil || st != quarantine.Released {
		t.Fatalf("%v, %v", st, err)
	}
	for n := range uint64(70) { // a second page of the list
		r.arrive(id(2, 100+n), small, quarantine.Complete)
	}
	for day := range 3 {
		from := time.Date(2026, 11, 20+day, 0, 0, 0, 0, time.UTC)
		l := &audit.Ledger{Day: from.Format(time.DateOnly), From: from, To: from.Add(24 * time.Hour), Received: 8_412_773_114_880, Delivered: 7_998_102_300_160,
			Repair: 399_905_115_008, Duplicate: 9_330_688, Control: 14_750_356_480, Rejected: map[string]uint64{"auth": 612_544}, Dropped: 5_000_000}
		l.Off = l.Difference()
		if _, err := r.gate.Enter(l); err != nil {
			t.Fatal(err)
		}
	}
	r.c.visits.turnedAway("alice", "2001:db8:7:1::15", false)
	r.c.visits.turnedAway("an unknown name", "192.0.2.99", true)
	for i := range 63 {
		r.progressAt(uint32(i), time.Now().Add(time.Duration(i-64)*time.Second))
		r.c.link.take()
	}
	r.progress(63)
	return r, "http://" + serveOn(t, "127.0.0.1:0", nil, r.c)
}

// progress is what pawl-receive says, so many per cent into a transfer.
func (r *rig) progress(done uint32) { r.progressAt(done, time.Now()) }

func (r *rig) progressAt(done uint32, when time.Time) {
	r.situation(func(s *quarantine.Situation) {
		s.Time, s.Started, s.PacketsLost, s.Arriving = when, r.began, uint64(done)*3, 1
		s.Ledger.Received = quarantine.Count{Packets: uint64(done) * 1000, Bytes: uint64(done) * 1_400_000}
		s.Ledger.Delivered = s.Ledger.Received
		s.Ledger.Rejected = map[string]quarantine.Count{"unknown session": {}}
		s.Warnings = []string{"channel updates: nothing came by 06:00"}
		s.Beat = &quarantine.Beat{HeardAgoMS: 300, Version: "1.2.3", UptimeS: 86400, Queue: 3, QueueBytes: 5 << 30, OldestS: 40, Sent: 812, Loss: 0.005, BurstMS: 20, Rate: 1e9,
			Room: 1 << 40, Fault: hostile[2] + " <script>alert(1)</script>", FaultAgoS: 7500}
		s.Transfers = []quarantine.Arriving{{ID: arrives.String(), Channel: "updates", Begun: time.Now(), Length: 1 << 30, Blocks: 100, BlocksWritten: done}}
	})
}

// lend gives a window the session of somebody whose key has no file.
func (r *rig) lend(w *webtest.Window, name string) *client {
	c := r.as(name)
	w.Go("/login")
	w.Run(network.SetCookie("pawl", c.token).WithURL(w.Base()))
	return c
}

// logIn fills the form in.
func logIn(w *webtest.Window, name string) {
	w.Go("/login")
	w.Run(chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", passphrase+"\r"), chromedp.WaitVisible("nav"))
}

// everyPage opens each page that there is, as those who may see it, and calls look for each.
func everyPage(t *testing.T, r *rig, b *webtest.Browser, base string, width int64, look func(w *webtest.Window, name string)) {
	t.Helper()
	size := fmt.Sprint(width)
	w := b.Window(base, width)
	show := func(name, path string) {
		t.Helper()
		r.progress(63) // pawl-receive runs
		w.Go(path)
		look(w, name+"-"+size)
	}
	show("login", "/login")
	w.Run(chromedp.SendKeys("#name", "ghost"), chromedp.SendKeys("#passphrase", "wrong\r"), chromedp.WaitVisible(".note.bad"))
	look(w, "login-refused-"+size)
	alice := r.lend(w, "alice")
	at := func(of quarantine.ID) string { return "/transfers/" + of.String() }
	for name, path := range map[string]string{
		"overview": "/", "transfers": "/transfers", "transfers-none": "/transfers?q=nothing+has+this+name", "transfers-2": "/transfers?page=2", "link": "/link",
		"held": at(heldTree), "hostile": at(hostileOne), "long": at(longest), "incomplete": at(incomplete), "rejected": at(refusedOne), "released": at(released), "arriving": at(arrives),
		"many-files": at(full) + "?files=2", "session": "/session", "not-there": "/transfers/1-0000000000000001", "no-role": "/audit",
	} {
		show(name, path)
	}
	w.Go(at(incomplete))
	w.Run(chromedp.Click(`form[action$="/ticket"] button`), chromedp.WaitVisible("svg.qr"))
	look(w, "ticket-"+size)
	w.Go(at(heldTree))
	w.Run(chromedp.Click(`form[action$="/receipt"] button`), chromedp.WaitVisible(".ticket"))
	look(w, "receipt-"+size)
	w.Go(at(heldSmall))
	w.Run(chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#sign"))
	look(w, "confirm-approve-"+size)
	w.Go(at(hostileOne))
	w.Run(chromedp.SendKeys("#reason", "nobody ordered it\r"), chromedp.WaitVisible("#sign"))
	look(w, "confirm-reject-"+size)
	w.Run(chromedp.Evaluate(`document.forms[0].csrf.value = "x"`, nil), chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible(".note.bad"))
	look(w, "refused-"+size)
	w.Run(chromedp.Navigate(base+at(full)+"/files"), chromedp.WaitVisible("pre"))
	w.Fits("files-as-text-" + size) // plain text has no title and no language: nothing to judge
	alice.post("/logout")
	r.lend(w, "ada")
	show("held-admin", at(heldTree))
	show("audit", "/audit")
	show("audit-2", "/audit?page=2")
	show("ledger", "/ledger")
	unlogged := r.c.sessions.prepare(r.find("bob"), r.keyOf("bob"))
	unlogged.forget()
	token, err := r.c.sessions.begin(unlogged)
	if err != nil {
		t.Fatal(err)
	}
	w.Run(network.SetCookie("pawl", token).WithURL(base))
	show("looks-only", "/")
	show("looks-only-held", at(heldTree))
	r.c.sessions.end(token, endOut)
}
