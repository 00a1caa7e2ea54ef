package framing

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Printable makes text from the low side fit for a terminal, a log and a table: what does not
// print (controls, escape sequences, bidirectional overrides, line breaks, broken UTF-8) is escaped as in
// Go, and what is longer than limit characters ends with an ellipsis.
func Printable(text string, limit int) string {
	var out strings.Builder
	for n := 0; text != ""; n++ {
		if n == limit {
			out.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		if strconv.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			out.WriteString(text[:size])
		} else {
			quoted := strconv.Quote(text[:size])
			out.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[size:]
	}
	return out.String()
}
