package console

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pawl/hw/web/webtest"
	"pawl/receiver/quarantine"
)

// TestBrowser: log-in, live progress without a reload, two people approving, one trying twice, in both widths and schemes.
func TestBrowser(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	r.progress(10)
	alice, bob := b.Window(base, 1280), b.Window(base, 360)
	bob.Scheme(true)
	logIn(alice, "alice")
	r.progress(20)
	alice.Await(`document.querySelector("progress")?.value >= 0.2`)
	webtest.Ask[bool](alice, `window.same = true`)
	r.progress(63)
	alice.Await(`document.querySelector("progress").value === 0.63 && window.same === true`) // without a reload
	logIn(bob, "bob")
	target := "/transfers/" + heldTree.String()
	alice.Go(target)
	press := func(w *webtest.Window) {
		w.Run(chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#sign"), chromedp.Click("#sign"), chromedp.WaitNotPresent("#sign"), chromedp.WaitVisible("#transfer"))
	}
	fields := webtest.Ask[map[string]string](alice, `Object.fromEntries(new FormData(document.querySelector("form.approve")))`)
	press(alice)
	if text := alice.Text(); !strings.Contains(text, "1 of 2 approvals") || !strings.Contains(text, "Take my approval back") {
		t.Errorf("after one approval: %s", text)
	}
	// The same form once more, as from a second window.
	var status int
	alice.Run(chromedp.Evaluate(`fetch("`+target+`/decide", {method: "POST", body: new URLSearchParams(`+asJS(fields)+`)}).then(r => r.status)`, &status,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if status != http.StatusConflict {
		t.Errorf("approving twice: %d", status)
	}
	bob.Go(target)
	press(bob)
	if st, err := r.gate.Run(t.Context(), heldTree, quarantine.Held); err != nil || st != quarantine.Released {
		t.Errorf("after two: %v, %v", st, err)
	}
	alice.Run(chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible("#passphrase"))
}

func asJS(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts
	}
	return string(data)
}

// TestEnterRejects: a reason and Enter never approve. They lead to what will be signed, without a script, and that is the rejection; Enter there decides
// nothing by itself.
func TestEnterRejects(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	w := b.Window(base, 1280)
	r.lend(w, "alice")
	w.Run(emulation.SetScriptExecutionDisabled(true)) // the pages' own; the test's still run
	w.Go("/transfers/" + heldSmall.String())          // one approval would release it
	if n := webtest.Ask[int](w, `document.querySelectorAll("form.approve input:not([type=hidden])").length`); n != 0 {
		t.Errorf("%d fields to type into stand beside Approve", n)
	}
	w.Run(chromedp.SendKeys("#reason", "contains malware\r"), chromedp.WaitVisible("#sign"))
	if text := w.Text(); !strings.Contains(text, "Reject this transfer for good?") || !strings.Contains(text, "contains malware") || !strings.Contains(text, heldSmall.String()) {
		t.Errorf("after Enter: %s", text)
	}
	w.Press(kb.Enter)
	if at := w.Focused(); at.Is == "button Sign and reject" {
		t.Error("the page begins on the button that signs")
	}
	if st := r.state(heldSmall); st != quarantine.Held {
		t.Fatalf("it is %s before anything was confirmed", st)
	}
	w.Run(chromedp.Focus("#sign"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#transfer"))
	if st := r.state(heldSmall); st != quarantine.Rejected {
		t.Errorf("it is %s", st)
	}
}

// TestHeldUnderAnOpenPage: the page says that there is something to decide, without a reload and without taking the focus away, and leads there.
func TestHeldUnderAnOpenPage(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	one := id(2, 1000)
	r.arrive(one, small, quarantine.Complete)
	w := b.Window(base, 1280)
	r.lend(w, "alice")
	w.Go("/transfers/" + one.String())
	// A button of a part that renews itself keeps the focus by its id; the page has none yet.
	w.Run(chromedp.Evaluate(`{
		const text = Response.prototype.text;
		Response.prototype.text = async function() { return (await text.call(this)).replace('<section aria-labelledby="checks-h">', '<button id="kept">x</button><section aria-labelledby="checks-h">'); };
		document.querySelector("#transfer").insertAdjacentHTML("beforeend", '<button id="kept">x</button>');
		document.querySelector("#kept").focus();
		window.same = true;
	}`, nil))
	if _, err := r.gate.Run(t.Context(), one, quarantine.Complete); err != nil {
		t.Fatal(err)
	}
	w.Await(`[...document.querySelectorAll("#transfer a")].some(a => a.textContent === "Decide") && window.same`)
	if focus := webtest.Ask[string](w, `document.activeElement.id`); focus != "kept" {
		t.Errorf("the focus is on %q", focus)
	}
	w.Run(chromedp.Evaluate(`[...document.querySelectorAll("#transfer a")].find(a => a.textContent === "Decide").click()`, nil), chromedp.WaitVisible("form.approve"))
}

// TestNoTopicIsLost: news of another topic that comes while the page is being asked for is looked at afterwards.
func TestNoTopicIsLost(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	w := b.Window(base, 1280)
	r.lend(w, "alice")
	w.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`
			window.EventSource = class { constructor() { window.ears = {} } addEventListener(t, f) { window.ears[t] = f } close() {} };
			window.asked = 0;
			window.fetch = () => { window.asked++; return new Promise(go => { window.go = () => go({ ok: false }) }) };`).Do(ctx)
		return err
	}))
	w.Go("/")
	w.Run(chromedp.Evaluate(`
		document.querySelector("main").innerHTML = '<div id="a" data-live="link"><input id="i"></div><div id="b" data-live="transfers"></div>';
		ears.link(); ears.transfers(); document.querySelector("#i").focus(); go()`, nil))
	w.Await(`window.asked === 2`)
}

// TestEveryPage fits a wide window and a narrow one, and is accessible as far as a program can judge that: no violation of WCAG 2, levels A and AA, in light
// or dark. With PAWL_SCREENSHOTS it leaves pictures to look at.
func TestEveryPage(t *testing.T) {
	b := webtest.Open(t)
	axe, noAxe := webtest.ReadAxe()
	r, base := stage(t)
	var wrong []string
	pages := 0
	for _, width := range []int64{1280, 360} {
		everyPage(t, r, b, base, width, func(w *webtest.Window, name string) {
			pages++
			w.Fits(name)
			w.Shots(name)
			if noAxe == nil {
				wrong = append(wrong, w.Judge(axe, name)...)
			}
		})
	}
	if pages < 2*25 {
		t.Errorf("only %d pages were looked at", pages)
	}
	t.Run("accessible", func(t *testing.T) {
		if noAxe != nil {
			webtest.Missing(t, noAxe.Error())
		}
		for _, one := range wrong {
			t.Error(one)
		}
	})
}
