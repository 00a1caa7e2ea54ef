package framing

import "testing"

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain ∑":                "plain ∑",
		"a\x1b[31mred":           `a\x1b[31mred`,
		"line\nbreak\r\t":        `line\nbreak\r\t`,
		"bad \xff utf-8":         `bad \xff utf-8`,
		"\u202egnp.exe":          `\u202egnp.exe`,
		"\ufeff\u2028\x00":       `\ufeff\u2028\x00`,
		"":                       "",
		"�":                      "�",
		"exactly twenty chars":   "exactly twenty chars",
		"more than twenty chars": "more than twenty cha…",
	} {
		if got := Printable(in, 20); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}
