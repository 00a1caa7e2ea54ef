package doctor

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"pawl/hw/nic"
)

// show prints reports for people: first what is wrong, each with its reason and its commands, then what is well.
func show(w io.Writer, reports []Report, fixed bool) error {
	var b strings.Builder
	for i := range reports {
		if i > 0 {
			b.WriteByte('\n')
		}
		reports[i].show(&b, fixed)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) show(b *strings.Builder, fixed bool) {
	fmt.Fprintf(b, "%s (%s side) %s", r.Device, r.Side, r.Link)
	if r.Hardware != r.Device {
		fmt.Fprintf(b, ", on %s", r.Hardware)
	}
	b.WriteString("\n\n")
	if fixed {
		r.showDone(b)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Severity == nic.OK {
			continue
		}
		fmt.Fprintf(b, "%s  %s: %s; should be: %s\n", strings.ToUpper(f.Severity.String()), f.Rule, f.Read, f.Want)
		wrap(b, f.Why)
		for _, step := range f.Mend {
			safe := ""
			if f.Safe {
				safe = "    # --fix does it"
			}
			fmt.Fprintf(b, "    $ %s%s\n", step, safe)
		}
		b.WriteByte('\n')
	}
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Severity == nic.OK {
			fmt.Fprintf(t, "ok\t%s\t%s\n", f.Rule, f.Read)
		}
	}
	_ = t.Flush() // into memory
}

// showDone tells what --fix did and what came of it.
func (r *Report) showDone(b *strings.Builder) {
	after := map[string]nic.Severity{}
	for i := range r.Findings {
		after[r.Findings[i].Rule] = r.Findings[i].Severity
	}
	before := map[string]nic.Severity{}
	for i := range r.Before {
		before[r.Before[i].Rule] = r.Before[i].Severity
	}
	for _, d := range r.Done {
		if d.Error != "" {
			fmt.Fprintf(b, "NOT DONE  %s: %s\n    %s\n", d.Rule, d.Step, d.Error)
			continue
		}
		fmt.Fprintf(b, "DONE  %s: %s\n    read again: was %s, is %s\n", d.Rule, d.Step, before[d.Rule], after[d.Rule])
	}
	if len(r.Done) == 0 {
		b.WriteString("nothing here is safe to do unasked: nothing was changed\n\n")
		return
	}
	b.WriteString("\nThis lasts until the next boot: docs/hardware.md says how to keep it.\n\n")
}

// width is how long a line of text gets, columns.
const width = 100

// wrap prints a text indented, in lines of at most width columns.
func wrap(b *strings.Builder, text string) {
	line := "   "
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > width && strings.TrimSpace(line) != "" {
			b.WriteString(line + "\n")
			line = "   "
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
