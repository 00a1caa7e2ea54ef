package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pawl/hw/web/webtest"
)

// odd are names that people drop, of which the last are refused.
var odd = map[string]string{
	"<script>alert(1)<\u2215script>": "1", `"><img src=x onerror=alert(1)>.txt`: "2", "‹unmarked› &lt;b&gt; {{.Model}}": "3", strings.Repeat("w", 255): "4",
	strings.Repeat("א", 120) + ".txt": "5", "Jahresbericht 2026 – endgültig (2).pdf": "6", "invoice\u202efdp.exe": "7", "tab\there": "8",
}

// TestConsoleInABrowser: a real pawl-send sends, and its console shows it: progress without a reload, odd names, the outbox, queue and history, in both widths
// and schemes, by keyboard and without a script; and that the daemon goes and comes back.
func TestConsoleInABrowser(t *testing.T) {
	l := newLowSide(t, "127.0.0.1:0", "")
	d := l.run()
	l.look()
	b := webtest.Open(t)
	wide, narrow := b.Window(l.base, 1280), b.Window(l.base, 360)
	see := func(w *webtest.Window, name string) {
		t.Helper()
		w.Fits(name)
		w.Shots(name)
	}
	l.drop("docs", odd)
	l.drop("logs", map[string]string{"half.log": "no marker yet", "too large": strings.Repeat("x", 2048), "too large.ready": ""})
	wide.Go("/history")
	wide.Await(fmt.Sprintf(`document.querySelectorAll(".state.sent").length >= %d && document.querySelectorAll(".state.refused").length >= 3`, len(odd)-2))
	see(wide, "low-history-1280")

	const large = 6 << 20 // some 13 s at 4 Mbit/s
	l.drop("docs", map[string]string{"update.iso": strings.Repeat("0123456789abcdef", large/16), "behind it.bin": strings.Repeat("x", 1<<20)})
	wide.Go("/")
	wide.Await(`document.querySelector("progress")?.value > 0.02 && document.querySelector("progress").value < 0.8`)
	webtest.Ask[float64](wide, `window.same = true; window.first = document.querySelector("progress").value`)
	wide.Await(`document.querySelector("progress")?.value > window.first + 0.1 && window.same === true`) // without a reload
	see(wide, "low-overview-1280")
	narrow.Go("/")
	see(narrow, "low-overview-360")
	wide.Go("/queue")
	wide.Await(`document.querySelectorAll("tbody tr").length >= 1`)
	see(wide, "low-queue-1280")
	narrow.Go("/queue")
	see(narrow, "low-queue-360")
	busy := webtest.Ask[string](wide, `document.querySelector("tbody a").getAttribute("href")`)
	wide.Go(busy)
	wide.Await(`document.querySelector("progress")?.value > 0`)
	see(wide, "low-sending-1280")
	wide.Await(`document.querySelector(".state.sent") && document.querySelector("code.digest")`)
	see(wide, "low-sent-1280")
	for name, path := range map[string]string{"outbox": "/outbox", "history": "/history", "search": "/history?q=%5Cu202e", "sent": busy} {
		narrow.Go(path)
		see(narrow, "low-"+name+"-360")
	}
	narrow.Go("/transfers/1-0000000000000001")
	see(narrow, "low-none-360")
	if text := narrow.Text(); !strings.Contains(text, "no such transfer") {
		t.Errorf("no transfer: %s", text)
	}
	wide.Go("/outbox")
	see(wide, "low-outbox-1280")
	if text := wide.Text(); !strings.Contains(text, "half.log") || !strings.Contains(text, `invoice\u202efdp.exe`) || !strings.Contains(text, "too large") {
		t.Errorf("outbox: %s", text)
	}
	keyboard(t, wide)
	withoutScript(t, b.Window(l.base, 1280))

	wide.Go("/")
	webtest.Ask[bool](wide, `window.same = true`)
	d.Stop()
	wide.Await(`document.querySelector(".note.bad")?.innerText.includes("pawl-send is not running") && window.same === true`)
	see(wide, "low-away-1280")
	d = l.run()
	wide.Await(`!document.querySelector(".note.bad") && window.same === true`)
	judge(t, busy, wide, narrow)
	d.Stop()
}

// judge has axe-core judge the pages with what is on them now.
func judge(t *testing.T, sent string, windows ...*webtest.Window) {
	t.Helper()
	axe, err := webtest.ReadAxe()
	if err != nil {
		webtest.Missing(t, err.Error()) // all the rest was tried
	}
	for _, w := range windows {
		for _, path := range []string{"/", "/outbox", "/queue", "/history", sent, "/transfers/1-0000000000000001"} {
			w.Go(path)
			for _, wrong := range w.Judge(axe, path) {
				t.Error(wrong)
			}
		}
	}
}

// keyboard goes from the top of a page to what it says, and searches.
func keyboard(t *testing.T, p *webtest.Window) {
	t.Helper()
	p.Go("/history")
	p.Press(kb.Tab)
	if at := webtest.Ask[string](p, `document.activeElement.className`); at != "skip" {
		t.Errorf("the first thing that Tab reaches is %q", at)
	}
	p.Press(kb.Enter)
	if at := webtest.Ask[string](p, `document.activeElement.id`); at != "main" {
		t.Errorf("it leads to %q", at)
	}
	p.TabTo("input q")
	p.Press("bericht" + kb.Enter)
	p.Run(chromedp.WaitVisible(`input[value="bericht"]`))
	if text := p.Text(); !strings.Contains(text, "Jahresbericht 2026") || strings.Contains(text, "update.iso") {
		t.Errorf("the search: %s", text)
	}
}

// withoutScript sees that pages say the same to who runs no script.
func withoutScript(t *testing.T, p *webtest.Window) {
	t.Helper()
	p.Run(emulation.SetScriptExecutionDisabled(true))
	for path, want := range map[string]string{"/": "Channels", "/queue": "in the order in which", "/outbox": "half.log", "/history?event=sent": "update.iso"} {
		p.Go(path)
		if text := p.Text(); !strings.Contains(text, want) {
			t.Errorf("%s without a script: %s", path, text)
		}
	}
}
