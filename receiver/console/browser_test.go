package console

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

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
		w.Run(chromedp.Click(`button[value="approve"]`), chromedp.WaitNotPresent(`button[value="approve"]`), chromedp.WaitVisible("main"))
	}
	fields := webtest.Ask[map[string]string](alice, `Object.fromEntries(new FormData(document.querySelector(".do form")))`)
	press(alice)
	if text := alice.Text(); !strings.Contains(text, "1 of 2 approvals") || !strings.Contains(text, "Take my approval back") {
		t.Errorf("after one approval: %s", text)
	}
	// The same form once more, as from a second window.
	fields["action"] = "approve"
	var status int
	alice.Run(chromedp.Evaluate(`fetch("`+target+`/decide", {method: "POST", body: new URLSearchParams(`+asJS(fields)+`)}).then(r => r.status)`, &status,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	if status != 409 {
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
