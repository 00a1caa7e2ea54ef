package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"pawl/framing"

	"github.com/dustin/go-humanize"
)

// longText is how much of a text from the low side show prints: a path or a reason in full.
const longText = 4096

// write prints the details for people; what the low side wrote is escaped.
func (d *details) write(w io.Writer) error {
	return d.writeParts(w, []shown{showVerdicts, showHistory, showFiles})
}

// writeParts prints what is known in sum, and of the rest what is asked for.
func (d *details) writeParts(w io.Writer, parts []shown) error {
	err := d.writeHead(w)
	if err == nil && slices.Contains(parts, showVerdicts) {
		err = d.writeAnswers(w)
	}
	if err == nil && len(d.Decisions) > 0 {
		err = d.writeDecisions(w)
	}
	if err == nil && slices.Contains(parts, showArrival) {
		err = d.writeArrival(w)
	}
	if slices.Contains(parts, showHistory) {
		d.writeHistory(w)
	}
	if err == nil && slices.Contains(parts, showFiles) {
		err = d.writePlan(w)
	}
	return err
}

// writeArrival prints what pawl-receive noted, a line for each of its fields.
func (d *details) writeArrival(w io.Writer) error {
	fields := map[string]json.RawMessage{}
	if d.Arrival == nil || json.Unmarshal(d.Arrival, &fields) != nil {
		return nil
	}
	fmt.Fprintln(w, "\narrival:")
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(out, "  %s:\t%s\n", framing.Printable(strings.ReplaceAll(key, "_", " "), nameWidth), framing.Printable(strings.Trim(string(fields[key]), "\""), longText))
	}
	return out.Flush()
}

// writeDecisions prints what people decided.
func (d *details) writeDecisions(w io.Writer) error {
	fmt.Fprintln(w, "\ndecisions:")
	for _, g := range d.Decisions {
		text := ""
		if g.Reason != "" {
			text = "  " + framing.Printable(g.Reason, longText)
		}
		if g.Against != "" {
			text += "  (does not count: " + framing.Printable(g.Against, longText) + ")"
		}
		if _, err := fmt.Fprintf(w, "  %s  %s: %s%s\n", stamp(g.When), g.Person, g.Action, text); err != nil {
			return err
		}
	}
	return nil
}

func (d *details) writeHead(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) {
		fmt.Fprintf(out, "%s:\t"+format+"\n", append([]any{key}, args...)...)
	}
	line("transfer", "%s", d.ID)
	line("state", "%s since %s", d.State, stamp(d.Since))
	if d.Reason != "" {
		line("reason", "%s", framing.Printable(d.Reason, longText))
	}
	if d.Waits != "" && d.Waits != d.Reason {
		line("waits", "%s", framing.Printable(d.Waits, longText))
	}
	line("channel", "%d %s", d.Channel, framing.Printable(d.Label, nameWidth))
	line("name", "%s", known(framing.Printable(d.Name, longText)))
	if d.Created != nil {
		line("created", "%s by the low side's clock", stamp(*d.Created))
		line("size", "%s (%d bytes), %s files, %d entries", size(d.Bytes), *d.Bytes, count(d.Files), d.Entries)
	}
	if d.PlanDigest != "" && !d.Aborted {
		line("plan", "sha256:%s", d.PlanDigest)
	}
	switch a := d.Answer; {
	case a == nil:
		line("checks", "not checked")
	case a.Pass:
		line("checks", "passed %s", stamp(a.When))
		line("proof", "sha256:%s", a.Body)
	case a.Verdict != nil:
		line("checks", "%s, %s", framing.Printable(a.Verdict.Error(), longText), stamp(a.When))
	}
	if d.Answer != nil && d.Answer.Policy != "" {
		line("policy", "sha256:%s", framing.Printable(d.Answer.Policy, longText))
	}
	if d.Missing != nil {
		line("missing", "%s", lacks(d.dir))
	}
	return out.Flush()
}

// writeAnswers prints what the checks of the policy said.
func (d *details) writeAnswers(w io.Writer) error {
	if d.Answer == nil {
		return nil
	}
	said := d.Answer.Checks
	if d.Answer.Verdict != nil {
		said = d.Answer.Verdict.Findings
	}
	if len(said) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nchecks:")
	if err := writeFindings(w, said); err != nil {
		return err
	}
	return d.writeScans(w)
}

// writeScans prints when it was checked, and by which engines, where it was more than once.
func (d *details) writeScans(w io.Writer) error {
	if len(d.Scans) < 2 {
		return nil
	}
	fmt.Fprintln(w, "\nscans:")
	for _, s := range d.Scans {
		text := "passed"
		if !s.Pass {
			text = framing.Printable(s.Reason, longText)
		}
		for _, e := range s.Engines {
			text += fmt.Sprintf("; %s by %s %s", framing.Printable(e.Check, nameWidth), framing.Printable(e.Name, longText), framing.Printable(e.Version, longText))
		}
		if _, err := fmt.Fprintf(w, "  %s  %s\n", stamp(s.When), text); err != nil {
			return err
		}
	}
	return nil
}

func (d *details) writeHistory(w io.Writer) {
	if len(d.History) == 0 {
		return
	}
	fmt.Fprintln(w, "\nhistory:")
	for _, e := range d.History {
		fmt.Fprintf(w, "  %s  %s", stamp(e.When), framing.Printable(e.Who, nameWidth))
		if e.To != e.From {
			fmt.Fprintf(w, "  %s -> %s", known(framing.Printable(string(e.From), nameWidth)), framing.Printable(string(e.To), nameWidth))
		}
		if e.Reason != "" {
			fmt.Fprintf(w, "  %s", framing.Printable(e.Reason, longText))
		}
		fmt.Fprintln(w)
	}
}

func (d *details) writePlan(w io.Writer) error {
	if len(d.Plan) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nfiles:")
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, e := range d.Plan {
		what, kind := humanize.IBytes(e.Size), "" // marked as ls -F does
		switch {
		case e.Dir:
			what, kind = "-", "/"
		case e.Exec:
			kind = "*"
		}
		fmt.Fprintf(out, "%s\t%s\t  %s%s\n", what, stamp(e.ModTime), framing.Printable(e.Path, longText), kind)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if d.More > 0 {
		fmt.Fprintf(w, "  … and %d more: --files\n", d.More)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
