package web

import (
	"encoding/json"
	"html/template"

	"pawl/framing"
)

// Words is text that somebody else chose, or that may hold some: escaped by framing.Printable and capped when it is made. A page prints it with
// the function "low" only, which marks it and keeps its direction of writing to itself; printed without, it says so instead.
type Words struct{ text string }

// Say makes Words of at most limit characters.
func Say(text string, limit int) Words { return Words{framing.Printable(text, limit)} }

// Text is the words without a mark, escaped and capped: for a log, or for where they are known to be ours.
func (w Words) Text() string { return w.text }

// String stands where a page forgot to mark the words.
func (w Words) String() string { return "‹unmarked›" }

// None says that there are none.
func (w Words) None() bool { return w.text == "" }

// Short is the same words cut to fewer characters.
func (w Words) Short(limit int) Words {
	n := 0
	for at := range w.text {
		if n == limit {
			return Words{w.text[:at] + "…"}
		}
		n++
	}
	return w
}

// MarshalJSON gives the escaped and capped text: the API's user gets nothing that a page does not show.
func (w Words) MarshalJSON() ([]byte, error) { return json.Marshal(w.text) }

// mark prints Words on a page. bdi keeps letters that are written from right to left from turning what stands beside them.
func mark(w Words) template.HTML {
	return template.HTML(`<bdi class="low">` + template.HTMLEscapeString(w.text) + `</bdi>`)
}
