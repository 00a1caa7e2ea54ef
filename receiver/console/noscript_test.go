package console

import (
	"archive/zip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"pawl/hw/web/webtest"
)

// TestWithoutScript: everything that people do works in a browser that runs none.
func TestWithoutScript(t *testing.T) {
	b := webtest.Open(t)
	r, base := stage(t)
	r.progress(10)
	w := b.Window(base, 1280)
	w.Run(emulation.SetScriptExecutionDisabled(true))
	logIn(w, "alice")
	if text := w.Text(); !strings.Contains(text, "10 %") {
		t.Fatalf("the overview: %s", text)
	}
	again := w.Heard(func(ev any) bool { _, ok := ev.(*page.EventLoadEventFired); return ok })
	r.progress(77)
	again() // the page asks for itself again, as it says in its head
	w.Run(chromedp.WaitVisible("progress"))
	if text := w.Text(); !strings.Contains(text, "77 %") {
		t.Errorf("the overview did not renew itself: %s", text)
	}
	w.Go("/transfers")
	w.Run(chromedp.Click(`a[rel="next"]`), chromedp.WaitVisible(`a[rel="prev"]`))
	w.Run(chromedp.SendKeys("#q", "tree"), chromedp.Click(`.search button`), chromedp.WaitNotPresent(".pager"), chromedp.Click(`.list tbody a`), chromedp.WaitVisible(`button[value="approve"]`))
	w.Run(chromedp.Click(`button[value="approve"]`), chromedp.WaitVisible("#sign"), chromedp.Click("#sign"), chromedp.WaitVisible(`button[value="revoke"]`))
	if text := w.Text(); !strings.Contains(text, "1 of 2 approvals") {
		t.Errorf("approved: %s", text)
	}
	dir := t.TempDir()
	w.Downloads(dir)
	done := w.Heard(func(ev any) bool {
		e, ok := ev.(*browser.EventDownloadProgress)
		return ok && e.State == browser.DownloadProgressStateCompleted
	})
	w.Run(chromedp.Click(`a[download]`))
	done()
	pack, err := zip.OpenReader(filepath.Join(dir, "evidence-"+heldTree.String()+".zip"))
	if err != nil || len(pack.File) != 1 {
		t.Errorf("evidence: %v", err)
	} else {
		pack.Close()
	}
	w.Go("/transfers/" + incomplete.String())
	w.Run(chromedp.Click(`form[action$="/ticket"] button`), chromedp.WaitVisible("svg.qr path"))
	w.Run(chromedp.Click(`form[action="/logout"] button`), chromedp.WaitVisible("#passphrase"))
}
