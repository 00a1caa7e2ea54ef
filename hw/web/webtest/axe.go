package webtest

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeFile is what `make deps` fetches: axe-core of this version, its digest checked by the Makefile.
const axeFile = "bin/axe-4.14.1.min.js"

// rules are the success criteria of WCAG 2.0, 2.1 and 2.2, levels A and AA, that a program can judge.
const rules = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`

// Axe is the script that judges pages for people with disabilities.
type Axe struct{ script string }

// ReadAxe reads it; the error says how it is come by.
func ReadAxe() (*Axe, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, axeFile))
	if err != nil {
		return nil, fmt.Errorf("there is no %s: make deps fetches it where there is npm", axeFile)
	}
	return &Axe{string(text)}, nil
}

// verdict is what axe says, as far as it is of use here.
type verdict struct {
	Passes int      `json:"passes"`
	Wrong  []string `json:"wrong"`
}

// Judge judges the page as it is now, in light and in dark, and gives what is wrong with it. The script goes in by the debugger, as the pages' policy lets none
// of others in.
func (w *Window) Judge(axe *Axe, name string) (wrong []string) {
	w.t.Helper()
	w.Run(chromedp.Evaluate(axe.script+"\n;0", nil))
	for _, dark := range []bool{false, true} {
		w.Scheme(dark)
		which := rules
		if dark { // what else is wrong is so in light too
			which = `["color-contrast"]`
		}
		var found verdict
		w.Run(chromedp.Evaluate(`axe.run(document, {runOnly: `+which+`, resultTypes: ["violations"]}).then(r => ({passes: r.passes.length,
			wrong: r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary.replaceAll("\n", " ")))}))`, &found,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		if least := map[bool]int{false: 5, true: 1}[dark]; found.Passes < least && len(found.Wrong) == 0 {
			w.t.Errorf("%s: only %d rules had anything to look at", name, found.Passes)
		}
		for _, one := range found.Wrong {
			wrong = append(wrong, fmt.Sprintf("%s, dark %v: %s", name, dark, one))
		}
	}
	w.Scheme(false)
	return wrong
}
