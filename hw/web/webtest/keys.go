package webtest

import (
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Focused is where the keyboard is.
type Focused struct {
	Is      string `json:"is"`      // "a Transfers", "input reason", "button Approve"; "body " is nowhere
	Visible bool   `json:"visible"` // there is an outline around it, and it is in the window
}

const focused = `(() => {
	const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
	return {
		is: e.tagName.toLowerCase() + " " + (e.matches("input") ? e.name : e.matches("a, button, summary") ? e.textContent.trim().replace(/\s+/g, " ") : e.id),
		visible: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && r.width > 0 && r.right > 0 && r.bottom > 0 && r.left < innerWidth && r.top < innerHeight,
	};
})()`

// Focused says where the keyboard is.
func (w *Window) Focused() Focused {
	w.t.Helper()
	return Ask[Focused](w, focused)
}

// Press presses keys: text, kb.Enter, kb.Tab.
func (w *Window) Press(keys string) {
	w.t.Helper()
	w.Run(chromedp.KeyEvent(keys))
}

// Back presses Shift and Tab.
func (w *Window) Back() {
	w.t.Helper()
	w.Run(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(input.ModifierShift)))
}

// TabTo presses Tab until the keyboard is there, and gives what it was on before. Everything on the way must be seen to have the focus.
func (w *Window) TabTo(is string) (passed []string) {
	w.t.Helper()
	for range 300 {
		w.Press(kb.Tab)
		f := w.Focused()
		if !f.Visible && f.Is != "body " { // past the last one the window has it for one press
			w.t.Errorf("%q has the focus, and nobody sees it", f.Is)
		}
		if f.Is == is {
			return passed
		}
		passed = append(passed, f.Is)
	}
	w.t.Fatalf("Tab does not reach %q, but %q", is, passed)
	return nil
}
