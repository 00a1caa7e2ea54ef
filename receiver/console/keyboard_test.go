package console

import (
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pawl/hw/web/webtest"
	"pawl/receiver/quarantine"
)

// TestByKeyboard: logging in, finding a held transfer, approving, taking it back, rejecting and logging out with keys alone, in an order that makes sense, and the
// focus is always to be seen.
func TestByKeyboard(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	for _, width := range []int64{1280, 360} {
		w := b.Window(base, width)
		// What will be signed stands before the button that signs, which has no focus until somebody goes there.
		confirm := func(button, then string) {
			t.Helper()
			w.Run(chromedp.WaitVisible("#sign"))
			if passed := w.TabTo("button " + button); !slices.Contains(passed, "a Back to the transfer") {
				t.Errorf("on the way to %q: %q", button, passed)
			}
			w.Press(kb.Enter)
			w.Run(chromedp.WaitVisible(then))
		}
		one := map[int64]quarantine.ID{1280: heldTree, 360: hostileOne}[width]
		w.Go("/login")
		if f := w.Focused(); f.Is != "input name" || !f.Visible {
			t.Fatalf("the log-in begins at %+v", f)
		}
		w.Press("alice" + kb.Tab + passphrase + kb.Enter)
		w.Run(chromedp.WaitVisible("nav"))
		if got, want := w.TabTo("button Log out"), []string{"a Skip to the content", "a Overview", "a Transfers", "a Link", "a alice"}; !slices.Equal(got, want) {
			t.Errorf("at first: %q, want %q", got, want)
		}
		for range 3 {
			w.Back()
		}
		if f := w.Focused(); f.Is != "a Transfers" {
			t.Fatalf("back at %+v", f)
		}
		w.Press(kb.Enter)
		w.Run(chromedp.WaitVisible("#q"))
		w.TabTo("a Skip to the content")
		w.Press(kb.Enter)
		if f := w.Focused(); f.Is != "main main" {
			t.Errorf("skipped to %+v", f)
		}
		w.TabTo("input q")
		w.Press(one.String() + kb.Enter)
		w.Run(chromedp.WaitVisible(".list tbody tr:only-child"))
		name := webtest.Ask[string](w, `document.querySelector(".list tbody a").textContent.trim()`)
		passed := strings.Join(w.TabTo("a "+name), "\n")
		if at, after := strings.Index(passed, "button Search"), strings.Index(passed, "a all"); at < 0 || after < at || !strings.Contains(passed[after:], "a rejected") {
			t.Errorf("on the way to the row: %q", passed)
		}
		w.Press(kb.Enter)
		w.Run(chromedp.WaitVisible(".do"))
		w.TabTo("button Approve…")
		w.Press(" ")
		confirm("Sign and approve", `button[value="revoke"]`)
		if text := w.Text(); !strings.Contains(text, "1 of 2 approvals") {
			t.Errorf("approved: %s", text)
		}
		w.TabTo("button Take my approval back…")
		w.Press(kb.Enter)
		confirm("Sign and take it back", `button[value="approve"]`)
		// Enter in the field asks whether to reject, as the button beside it does; it never approves.
		w.TabTo("input reason")
		w.Press("not ordered" + kb.Enter)
		confirm("Sign and reject", ".state.rejected")
		if st := r.state(one); st != quarantine.Rejected {
			t.Errorf("it is %s", st)
		}
		w.TabTo("button Log out")
		w.Press(kb.Enter)
		w.Run(chromedp.WaitVisible("#passphrase"))
	}
}

// TestFocusStaysThroughNews: what renews itself takes nobody's place away, also where two links go to the same page.
func TestFocusStaysThroughNews(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	r.progress(10)
	w := b.Window(base, 1280)
	r.lend(w, "alice")
	for i, is := range []string{"a report.txt", "a held8"} {
		w.Go("/")
		w.TabTo(is)
		webtest.Ask[bool](w, `window.old = document.querySelector("progress"), true`)
		r.progress(uint32(20 + 20*i))
		w.Await(`!window.old.isConnected`)
		if f := w.Focused(); f.Is != is || !f.Visible {
			t.Errorf("after the news at %+v, not %q", f, is)
		}
	}
	// What did not change is the same element: a reader does not read it out again.
	w.Go("/")
	webtest.Ask[bool](w, `window.old = document.querySelector("progress"), window.note = document.querySelector(".note.warn"), true`)
	r.progress(77)
	w.Await(`!window.old.isConnected`)
	if !webtest.Ask[bool](w, `window.note.isConnected`) {
		t.Error("a warning that did not change was put there once more")
	}
}
