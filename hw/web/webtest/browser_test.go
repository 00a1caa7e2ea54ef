package webtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serve serves one page.
func serve(t *testing.T, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><head><title>x</title><meta name="viewport" content="width=device-width"></head><body><main>`, body, `</main></body></html>`)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestNothingIsLeft of a browser when its test is over: neither process nor file.
func TestNothingIsLeft(t *testing.T) {
	home := ""
	t.Run("inner", func(t *testing.T) {
		b := Open(t)
		home = b.home
		b.Window(serve(t, "hello"), 360).Go("/")
		if len(processes(t, home)) == 0 {
			t.Error("no process of the browser is found while it runs: this test finds none ever")
		}
	})
	if home == "" {
		t.Skip("there is no browser")
	}
	if _, err := os.Stat(home); err == nil {
		t.Errorf("%s is still there", home)
	}
	for begun := time.Now(); len(processes(t, home)) > 0; { // who was killed may take a moment to die
		if time.Since(begun) > patience {
			t.Fatalf("left: %q", processes(t, home))
		}
	}
}

// processes are those that name a folder.
func processes(t *testing.T, folder string) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatalf("/proc: %v", err)
	}
	for _, name := range all {
		line, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(line), folder) { // who is gone by now is none
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// TestWhatIsWrongIsFound: a page that is too wide, one that nobody could use, and a focus that is not seen.
func TestWhatIsWrongIsFound(t *testing.T) {
	b := Open(t)
	wide := b.Window(serve(t, `<div class="far" style="width: 2000px">x</div>`), 360)
	wide.Go("/")
	if got := Ask[[]string](wide, widerThanWindow); len(got) < 2 || got[len(got)-1] != "DIV.far" {
		t.Errorf("a wide page: %q", got)
	}
	blind := b.Window(serve(t, `<a href="/" style="outline: none">there</a><input name="q" aria-label="q">`), 360)
	blind.Go("/")
	blind.Press("\t")
	if f := blind.Focused(); f.Is != "a there" || f.Visible {
		t.Errorf("a focus that nobody sees: %+v", f)
	}
	blind.Press("\t")
	if f := blind.Focused(); f.Is != "input q" {
		t.Errorf("then %+v", f)
	}
	t.Run("axe", func(t *testing.T) {
		axe, err := ReadAxe()
		if err != nil {
			Missing(t, err.Error())
		}
		bad := b.Window(serve(t, `<h1>x</h1><img src="x"><p style="color: #aaa; background: #fff">pale</p>`), 360)
		bad.Go("/")
		got := strings.Join(bad.Judge(axe, "bad"), "\n")
		if !strings.Contains(got, "bad, dark false: image-alt: img") || !strings.Contains(got, "bad, dark true: color-contrast: p") {
			t.Errorf("axe found: %s", got)
		}
	})
}
