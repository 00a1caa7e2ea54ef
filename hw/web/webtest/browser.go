// Package webtest shows the pages of a console to a real browser, for the tests of both sides.
//
//	Open ─ one chromium for a test ─ Window ─ a person: cookies, width and colours of their own ─ Go, Run, Await ─ Fits, Judge, Shots
//
// It drives Debian's chromium by chromedp, so that these are tests as all others are (docs/decisions/0026-browser-tests.md). Nothing in it sleeps, and
// nothing has a time-out that a loaded machine could reach.
package webtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// patience is how long anything may take before it is taken for lost: many times what it takes on a loaded machine.
const patience = 3 * time.Minute

// shotsDir names the folder where pictures are left for people to look at; without it none are made.
const shotsDir = "PAWL_SCREENSHOTS"

// Browser is a chromium of one test.
type Browser struct {
	t    *testing.T
	ctx  context.Context
	shot string
	home string // everything that it writes is in there, and all its processes name it
}

// Missing skips a test for a user, and fails it where the environment says CI=true: a test that silently stopped testing helps nobody.
func Missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Open starts a browser that ends with the test, its files and all its processes with it.
func Open(t *testing.T) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		Missing(t, "there is no chromium on this machine: make deps, or apt-get install chromium")
	}
	b := &Browser{t: t, shot: os.Getenv(shotsDir)}
	home, err := os.MkdirTemp("", "pawl-browser")
	if err != nil {
		t.Fatal(err)
	}
	b.home = home
	var process *exec.Cmd
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(home, "data")), chromedp.Env("HOME="+home), chromedp.DisableGPU, chromedp.WSURLReadTimeout(patience),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-domain-reliability", true),
		// All children are in one group, and die with the test whatever becomes of it.
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			process = cmd
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		}))
	allocated, free := chromedp.NewExecAllocator(context.Background(), options...)
	first, leave := chromedp.NewContext(allocated)
	t.Cleanup(func() {
		leave()
		free()
		if process != nil && process.Process != nil {
			if err := syscall.Kill(-process.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Errorf("end the browser: %v", err)
			}
		}
		if err := remove(home); err != nil {
			t.Errorf("remove the browser's files: %v", err)
		}
	})
	if err := chromedp.Run(first); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	b.ctx = first
	return b
}

// remove removes a folder that a process which was just killed may have been writing to.
func remove(dir string) error {
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil || !errors.Is(err, syscall.ENOTEMPTY) {
			break
		}
	}
	return err
}

// Window is a person's browser window: it shares nothing with others.
type Window struct {
	*Browser
	base string
	own  cdp.BrowserContextID
}

// Window opens one for the pages at base, "http://127.0.0.1:1234", so many points wide, in light colours.
func (b *Browser) Window(base string, width int64) *Window {
	b.t.Helper()
	own, id := b.profile()
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.t.Cleanup(end)
	if err := chromedp.Run(ctx); err != nil { // with a deadline the window would end at it
		b.t.Fatalf("open a window: %v", err)
	}
	w := &Window{&Browser{b.t, ctx, b.shot, b.home}, base, own}
	w.Run(chromedp.EmulateViewport(width, 800))
	w.Scheme(false)
	return w
}

// Scheme makes the window one of somebody who likes it light or dark.
func (w *Window) Scheme(dark bool) {
	w.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	w.Run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// profile opens an empty page with cookies of its own. It is a window, not a tab: in a new profile there is none that a tab could be of, and Chromium
// then has "no browser is open", which chromedp's own WithNewBrowserContext does not know.
func (b *Browser) profile() (own cdp.BrowserContextID, id target.ID) {
	b.t.Helper()
	err := chromedp.Run(b.ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		var err error
		if own, err = target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx); err == nil {
			id, err = target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(ctx)
		}
		return err
	}))
	if err != nil {
		b.t.Fatalf("open a window: %v", err)
	}
	return own, id
}

// Run does something in the window.
func (w *Window) Run(actions ...chromedp.Action) {
	w.t.Helper()
	ctx, end := context.WithTimeout(w.ctx, patience)
	defer end()
	if err := chromedp.Run(ctx, actions...); err != nil {
		w.t.Fatalf("at %s: %v", w.where(), err)
	}
}

// Go opens a page.
func (w *Window) Go(path string) {
	w.t.Helper()
	w.Run(chromedp.Navigate(w.base+path), chromedp.WaitVisible("main"))
}

// Base is what Go puts before a path.
func (w *Window) Base() string { return w.base }

// where is the page's address, for a message; the window may be gone.
func (w *Window) where() (where string) {
	ctx, end := context.WithTimeout(w.ctx, patience)
	defer end()
	if err := chromedp.Run(ctx, chromedp.Location(&where)); err != nil {
		return "an unknown page"
	}
	return where
}

// Await waits until an expression of JavaScript is true on the page as it is; for what comes on the next one there is chromedp.WaitVisible.
func (w *Window) Await(js string) {
	w.t.Helper()
	w.Run(chromedp.Poll(js, nil, chromedp.WithPollingTimeout(0), chromedp.WithPollingInterval(50*time.Millisecond)))
}

// Ask gives the value of an expression of JavaScript.
func Ask[T any](w *Window, js string) (value T) {
	w.t.Helper()
	w.Run(chromedp.Evaluate(js, &value))
	return value
}

// Heard listens for an event of the page or the browser from now on; what it gives waits until one came.
func (w *Window) Heard(is func(event any) bool) (wait func()) {
	came := make(chan struct{}, 1)
	hear := func(event any) {
		if is(event) {
			select {
			case came <- struct{}{}:
			default:
			}
		}
	}
	chromedp.ListenTarget(w.ctx, hear)
	chromedp.ListenBrowser(w.ctx, hear)
	return func() {
		w.t.Helper()
		select {
		case <-came:
		case <-time.After(patience):
			w.t.Fatalf("at %s: what was listened for did not come", w.where())
		}
	}
}

// Downloads has what the window downloads put into a folder.
func (w *Window) Downloads(dir string) {
	w.t.Helper()
	w.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithBrowserContextID(w.own).WithDownloadPath(dir).WithEventsEnabled(true).
			Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
	}))
}

// Text is what the page says.
func (w *Window) Text() (text string) {
	w.t.Helper()
	w.Run(chromedp.Text("main", &text))
	return text
}

// Fits sees that nothing is wider than the window.
func (w *Window) Fits(name string) {
	w.t.Helper()
	if wide := Ask[[]string](w, widerThanWindow); len(wide) > 0 {
		w.t.Errorf("%s is wider than the window: %s", name, wide)
	}
}

// Shots keeps pictures of the whole page in light and dark, where somebody asked for some.
func (w *Window) Shots(name string) {
	w.t.Helper()
	if w.shot == "" {
		return
	}
	for _, dark := range []bool{true, false} {
		w.Scheme(dark)
		var data []byte
		w.Run(chromedp.FullScreenshot(&data, 100))
		if err := os.WriteFile(filepath.Join(w.shot, name+map[bool]string{true: "-dark"}[dark]+".png"), data, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// widerThanWindow names what makes the page scroll sideways.
const widerThanWindow = `(() => {
	if (document.documentElement.scrollWidth <= innerWidth) return [];
	const wide = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > innerWidth + 1);
	return ["the page", ...wide.slice(0, 5).map(e => e.tagName + "." + e.className)];
})()`

// root is the repository's folder.
func root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find go.mod: %w", fs.ErrNotExist)
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
