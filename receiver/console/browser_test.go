package console

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// page is a person's browser window.
type page struct {
	t    *testing.T
	ctx  context.Context
	base string
	dir  string // for screenshots
}

// chrome opens windows that share nothing, or skips with the reason.
func chrome(t *testing.T, base string) func(width int64, dark bool) *page {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine: apt-get install chromium (not part of make deps: some 300 MB)")
	}
	dir := os.Getenv("PAWL_SCREENSHOTS") // where to leave them for people to look at
	if dir == "" {
		dir = t.TempDir()
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true))
	return func(width int64, dark bool) *page {
		ctx, end := context.WithTimeout(context.Background(), 2*time.Minute)
		allocated, end2 := chromedp.NewExecAllocator(ctx, options...)
		window, end3 := chromedp.NewContext(allocated)
		t.Cleanup(func() { end3(); end2(); end() })
		scheme := "light"
		if dark {
			scheme = "dark"
		}
		p := &page{t: t, ctx: window, base: base, dir: dir}
		p.run(chromedp.EmulateViewport(width, 800), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
		return p
	}
}

func (p *page) run(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) open(path string) {
	p.t.Helper()
	p.run(chromedp.Navigate(p.base+path), chromedp.WaitVisible("main"))
}

// login fills the form in by keyboard.
func (p *page) login(name string) {
	p.t.Helper()
	p.open("/login")
	p.run(chromedp.SendKeys("#name", name), chromedp.SendKeys("#passphrase", passphrase+"\r"), chromedp.WaitVisible("nav"))
}

// shot keeps a picture and sees that nothing is wider than the window.
func (p *page) shot(name string) {
	p.t.Helper()
	var data []byte
	var over bool
	p.run(chromedp.Evaluate(`document.documentElement.scrollWidth > window.innerWidth`, &over), chromedp.FullScreenshot(&data, 100))
	if over {
		p.t.Errorf("%s is wider than the window", name)
	}
	if err := os.WriteFile(filepath.Join(p.dir, name+".png"), data, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) text() (text string) {
	p.t.Helper()
	p.run(chromedp.Text("main", &text))
	return text
}

// TestBrowser: log-in, live progress without a reload, two people approving, one trying twice, hostile names, in both widths and schemes.
func TestBrowser(t *testing.T) {
	r := newRig(t, nil)
	at := "http://" + serveOn(t, "127.0.0.1:0", nil, r.c)
	window := chrome(t, at)
	one, arrives := id(1, 1), id(1, 50)
	r.arrive(one, checktest.Tree(), quarantine.Held)
	for i, name := range hostile[:6] {
		if !strings.Contains(name, "\u202e") {
			r.arrive(id(1, uint64(i+10)), []checktest.Entry{{Path: name, Data: []byte("x")}}, quarantine.Held)
		}
	}
	r.arrive(id(1, 30), small, quarantine.Incomplete)
	r.arrive(arrives, small, quarantine.Incoming)
	start := time.Now()
	progress := func(done uint32) {
		r.situation(func(s *quarantine.Situation) {
			s.Started, s.PacketsLost, s.Arriving = start.Add(-time.Hour), uint64(done)*3, 1
			s.Ledger.Received = quarantine.Count{Packets: uint64(done) * 1000, Bytes: uint64(done) * 1_400_000}
			s.Ledger.Delivered = s.Ledger.Received
			s.Warnings = []string{"channel updates: nothing came by 06:00"}
			s.Beat = &quarantine.Beat{HeardAgoMS: 300, Version: "1.2.3", UptimeS: 86400, Queue: 3, QueueBytes: 5 << 30, Sent: 812, Loss: 0.005, BurstMS: 20, Rate: 1e9, Room: 1 << 40, Fault: "invoice\u202efdp.exe <script>alert(1)</script>"}
			s.Transfers = []quarantine.Arriving{{ID: arrives.String(), Channel: "updates", Begun: start, Length: 1 << 30, Blocks: 100, BlocksWritten: done}}
		})
	}
	progress(10)
	alice, bob := window(1280, false), window(360, true)
	alice.open("/")
	alice.shot("login-1280")
	alice.login("alice")
	progress(20)
	await := func(js string) { alice.run(chromedp.Poll(js, nil, chromedp.WithPollingTimeout(30*time.Second))) }
	await(`document.querySelector("progress")?.value >= 0.2`)
	alice.run(chromedp.Evaluate(`window.same = true`, nil))
	progress(63)
	await(`document.querySelector("progress").value === 0.63 && window.same === true`) // without a reload
	alice.shot("overview-1280")
	bob.login("bob")
	bob.shot("overview-360-dark")
	for _, p := range []struct {
		*page
		size string
	}{{alice, "1280"}, {bob, "360-dark"}} {
		for name, path := range map[string]string{"transfers": "/transfers", "link": "/link", "hostile": "/transfers/" + id(1, 10).String(), "long": "/transfers/" + id(1, 14).String()} {
			p.open(path)
			p.shot(name + "-" + p.size)
		}
	}
	target := "/transfers/" + one.String()
	alice.open(target)
	alice.shot("held-1280")
	press := func(p *page) {
		p.run(chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#sign"))
		p.shot("confirm")
		p.run(chromedp.Click("#sign"), chromedp.WaitNotPresent("#sign"), chromedp.WaitVisible("#transfer"))
	}
	var fields map[string]string
	alice.run(chromedp.Evaluate(`Object.fromEntries(new FormData(document.querySelector(".do form")))`, &fields))
	press(alice)
	if text := alice.text(); !strings.Contains(text, "1 of 2 approvals") || !strings.Contains(text, "Take my approval back") {
		t.Errorf("after one approval: %s", text)
	}
	// The same form once more, as from a second window.
	var status int
	alice.run(chromedp.Evaluate(`fetch("`+target+`/decide", {method: "POST", body: new URLSearchParams(`+asJS(fields)+`)}).then(r => r.status)`, &status,
		chromedp.EvalAsValue, await1))
	if status != 409 {
		t.Errorf("approving twice: %d", status)
	}
	bob.open(target)
	bob.shot("held-360-dark")
	press(bob)
	if st, err := r.gate.Run(t.Context(), one, quarantine.Held); err != nil || st != quarantine.Released {
		t.Errorf("after two: %v, %v", st, err)
	}
	bob.open("/transfers/" + id(1, 30).String())
	bob.run(chromedp.Click(`form[action$="/ticket"] button`), chromedp.WaitVisible("svg.qr"))
	bob.shot("ticket-360-dark")
	otto := window(360, false)
	r.lend(otto, "otto")
	for name, path := range map[string]string{"audit-360": "/audit", "ledger-360": "/ledger"} {
		otto.open(path)
		otto.shot(name)
	}
	alice.run(chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible("#passphrase"))
}

// TestEnterRejects: a reason and Enter never approve. They lead to what will be signed, by keyboard alone and without a script, and that is the rejection;
// Enter there decides nothing by itself.
func TestEnterRejects(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1) // one approval would release it
	r.arrive(one, small, quarantine.Held)
	at := "http://" + serveOn(t, "127.0.0.1:0", nil, r.c)
	alice := chrome(t, at)(1280, false)
	r.lend(alice, "alice")
	alice.run(emulation.SetScriptExecutionDisabled(true)) // the pages' own; the test's still run
	alice.open("/transfers/" + one.String())
	var fields int
	alice.run(chromedp.Evaluate(`document.querySelectorAll("form.approve input:not([type=hidden])").length`, &fields))
	if fields != 0 {
		t.Errorf("%d fields to type into stand beside Approve", fields)
	}
	alice.run(chromedp.SendKeys("#reason", "contains malware\r"), chromedp.WaitVisible("#sign"))
	if text := alice.text(); !strings.Contains(text, "Reject this transfer for good?") || !strings.Contains(text, "contains malware") || !strings.Contains(text, one.String()) {
		t.Errorf("after Enter: %s", text)
	}
	if st := r.state(one); st != quarantine.Held {
		t.Fatalf("it is %s before anything was confirmed", st)
	}
	alice.run(chromedp.KeyEvent("\r"))
	alice.run(chromedp.Focus("#sign"), chromedp.KeyEvent("\r"), chromedp.WaitVisible("#transfer"))
	if st := r.state(one); st != quarantine.Rejected {
		t.Errorf("it is %s", st)
	}
}

// TestHeldUnderAnOpenPage: the page says that there is something to decide, without a reload and without taking the focus away, and leads there.
func TestHeldUnderAnOpenPage(t *testing.T) {
	r := newRig(t, nil)
	one := id(2, 1)
	r.arrive(one, small, quarantine.Complete)
	at := "http://" + serveOn(t, "127.0.0.1:0", nil, r.c)
	alice := chrome(t, at)(1280, false)
	r.lend(alice, "alice")
	alice.open("/transfers/" + one.String())
	// A button of a part that renews itself keeps the focus by its id; the page has none yet.
	alice.run(chromedp.Evaluate(`{
		const text = Response.prototype.text;
		Response.prototype.text = async function() { return (await text.call(this)).replace('<section aria-labelledby="checks-h">', '<button id="kept">x</button><section aria-labelledby="checks-h">'); };
		document.querySelector("#transfer").insertAdjacentHTML("beforeend", '<button id="kept">x</button>');
		document.querySelector("#kept").focus();
		window.same = true;
	}`, nil))
	if _, err := r.gate.Run(t.Context(), one, quarantine.Complete); err != nil {
		t.Fatal(err)
	}
	alice.run(chromedp.Poll(`[...document.querySelectorAll("#transfer a")].some(a => a.textContent === "Decide") && window.same`, nil, chromedp.WithPollingTimeout(30*time.Second)))
	var focus string
	alice.run(chromedp.Evaluate(`document.activeElement.id`, &focus))
	if focus != "kept" {
		t.Errorf("the focus is on %q", focus)
	}
	alice.run(chromedp.Evaluate(`[...document.querySelectorAll("#transfer a")].find(a => a.textContent === "Decide").click()`, nil), chromedp.WaitVisible("form.approve"))
}

// TestNoTopicIsLost: news of another topic that comes while the page is being asked for is looked at afterwards.
func TestNoTopicIsLost(t *testing.T) {
	r := newRig(t, nil)
	at := "http://" + serveOn(t, "127.0.0.1:0", nil, r.c)
	alice := chrome(t, at)(1280, false)
	r.lend(alice, "alice")
	alice.run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(`
			window.EventSource = class { constructor() { window.ears = {} } addEventListener(t, f) { window.ears[t] = f } close() {} };
			window.asked = 0;
			window.fetch = () => { window.asked++; return new Promise(go => { window.go = () => go({ ok: false }) }) };`).Do(ctx)
		return err
	}))
	alice.open("/")
	alice.run(chromedp.Evaluate(`
		document.querySelector("main").innerHTML = '<div id="a" data-live="link"><input id="i"></div><div id="b" data-live="transfers"></div>';
		ears.link(); ears.transfers(); document.querySelector("#i").focus(); go()`, nil),
		chromedp.Poll(`window.asked === 2`, nil, chromedp.WithPollingTimeout(30*time.Second)))
}

// await1 waits for a promise.
func await1(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

func asJS(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts
	}
	return string(data)
}

// lend gives a window the session of somebody whose key has no file.
func (r *rig) lend(p *page, name string) {
	c := r.as(name)
	p.open("/login")
	p.run(network.SetCookie("pawl", c.token).WithURL(p.base))
}
