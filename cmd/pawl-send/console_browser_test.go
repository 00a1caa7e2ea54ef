package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("no chromium on this machine: make deps")
	}
	if err != nil {
		t.Skip("no chromium on this machine: apt-get install chromium")
	}
	dir := os.Getenv("PAWL_SCREENSHOTS") // where to leave them for people to look at
	if dir == "" {
		dir = t.TempDir()
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-dev-shm-usage", true))
	return func(width int64, dark bool) *page {
		ctx, end := context.WithTimeout(context.Background(), 3*time.Minute)
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

// await waits until a script is true.
func (p *page) await(js string) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, chromedp.Poll(js, nil, chromedp.WithPollingTimeout(time.Minute))); err != nil {
		p.t.Fatalf("%s: %v\n%s", js, err, p.text())
	}
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
	window := chrome(t, l.base)
	wide, narrow := window(1280, false), window(360, true)
	l.drop("docs", odd)
	l.drop("logs", map[string]string{"half.log": "no marker yet", "too large": strings.Repeat("x", 2048), "too large.ready": ""})
	wide.open("/history")
	wide.await(fmt.Sprintf(`document.querySelectorAll(".state.sent").length >= %d && document.querySelectorAll(".state.refused").length >= 3`, len(odd)-2))
	wide.shot("low-history-1280")

	const large = 6 << 20 // some 13 s at 4 Mbit/s
	l.drop("docs", map[string]string{"update.iso": strings.Repeat("0123456789abcdef", large/16), "behind it.bin": strings.Repeat("x", 1<<20)})
	wide.open("/")
	wide.await(`document.querySelector("progress")?.value > 0.02 && document.querySelector("progress").value < 0.8`)
	wide.run(chromedp.Evaluate(`window.same = true; window.first = document.querySelector("progress").value`, nil))
	wide.await(`document.querySelector("progress")?.value > window.first + 0.1 && window.same === true`) // without a reload
	wide.shot("low-overview-1280")
	narrow.open("/")
	narrow.shot("low-overview-360-dark")
	wide.open("/queue")
	wide.await(`document.querySelectorAll("tbody tr").length >= 1`)
	wide.shot("low-queue-1280")
	narrow.open("/queue")
	narrow.shot("low-queue-360-dark")
	var busy string
	wide.run(chromedp.Evaluate(`document.querySelector("tbody a").getAttribute("href")`, &busy))
	wide.open(busy)
	wide.await(`document.querySelector("progress")?.value > 0`)
	wide.shot("low-sending-1280")
	wide.await(`document.querySelector(".state.sent") && document.querySelector("code.digest")`)
	wide.shot("low-sent-1280")
	for name, path := range map[string]string{"outbox": "/outbox", "history": "/history", "search": "/history?q=%5Cu202e", "sent": busy} {
		narrow.open(path)
		narrow.shot("low-" + name + "-360-dark")
	}
	narrow.open("/transfers/1-0000000000000001")
	narrow.shot("low-none-360-dark")
	if text := narrow.text(); !strings.Contains(text, "no such transfer") {
		t.Errorf("no transfer: %s", text)
	}
	wide.open("/outbox")
	wide.shot("low-outbox-1280")
	if text := wide.text(); !strings.Contains(text, "half.log") || !strings.Contains(text, `invoice\u202efdp.exe`) || !strings.Contains(text, "too large") {
		t.Errorf("outbox: %s", text)
	}
	keyboard(t, wide)
	withoutScript(t, window(1280, true))

	wide.open("/")
	wide.run(chromedp.Evaluate(`window.same = true`, nil))
	d.Stop()
	wide.await(`document.querySelector(".note.bad")?.innerText.includes("pawl-send is not running") && window.same === true`)
	wide.shot("low-away-1280")
	d = l.run()
	wide.await(`!document.querySelector(".note.bad") && window.same === true`)
	d.Stop()
}

// keyboard goes from the top of a page to what it says, and searches.
func keyboard(t *testing.T, p *page) {
	t.Helper()
	var at string
	p.open("/history")
	p.run(chromedp.KeyEvent(kb.Tab), chromedp.Evaluate(`document.activeElement.className`, &at))
	if at != "skip" {
		t.Errorf("the first thing that Tab reaches is %q", at)
	}
	p.run(chromedp.KeyEvent(kb.Enter), chromedp.Evaluate(`document.activeElement.id`, &at))
	if at != "main" {
		t.Errorf("it leads to %q", at)
	}
	p.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("bericht"+kb.Enter), chromedp.WaitVisible(`input[value="bericht"]`))
	if text := p.text(); !strings.Contains(text, "Jahresbericht 2026") || strings.Contains(text, "update.iso") {
		t.Errorf("the search: %s", text)
	}
}

// withoutScript sees that pages say the same to who runs no script.
func withoutScript(t *testing.T, p *page) {
	t.Helper()
	p.run(emulation.SetScriptExecutionDisabled(true))
	for path, want := range map[string]string{"/": "Channels", "/queue": "in the order in which", "/outbox": "half.log", "/history?event=sent": "update.iso"} {
		p.open(path)
		if text := p.text(); !strings.Contains(text, want) {
			t.Errorf("%s without a script: %s", path, text)
		}
	}
	p.open("/")
	p.shot("low-overview-1280-dark")
}
