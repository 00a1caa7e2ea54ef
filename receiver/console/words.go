package console

import (
	"encoding/json"
	"html/template"

	"pawl/framing"
)

// Words is text that came from the low side, or may hold some: escaped by release.Printable and capped when it is made. A page prints it with
// the function "low" only, which marks it and keeps its direction of writing to itself; printed without, it says so instead.
type Words struct{ text string }

// Caps of what is shown of a text, in characters.
const (
	shownName = 120  // in a list
	shownText = 1024 // on a page of its own: a path, a reason
)

// say makes Words of at most limit characters.
func say(text string, limit int) Words { return Words{framing.Printable(text, limit)} }

// String stands where a page forgot to mark the words.
func (w Words) String() string { return "‹unmarked›" }

// None says that there are none.
func (w Words) None() bool { return w.text == "" }

// MarshalJSON gives the escaped and capped text: the API's user gets nothing that a page does not show.
func (w Words) MarshalJSON() ([]byte, error) { return json.Marshal(w.text) }

// mark prints Words on a page. bdi keeps letters that are written from right to left from turning what stands beside them.
func mark(w Words) template.HTML {
	return template.HTML(`<bdi class="low">` + template.HTMLEscapeString(w.text) + `</bdi>`)
}
