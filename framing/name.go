package framing

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of names, in octets of UTF-8. 255 and 4096 are what Linux file
// systems take (NAME_MAX, PATH_MAX).
const (
	maxName  = 255
	maxPath  = 4096
	maxDepth = 128 // components of a path
)

// ownPrefix begins the names Pawl uses for itself in folders it shares.
const ownPrefix = ".pawl-"

// CheckName says whether one component of a path may be carried: a name that
// means the same on every file system of either side, and that shows as what
// it is. The error is ErrName with the reason and the name, quoted and capped.
func CheckName(component string) error {
	if reason := nameFault(component); reason != "" {
		return fmt.Errorf("%w: %.80q %s", ErrName, component, reason)
	}
	return nil
}

// CheckPath says whether a whole path may be carried: components that pass
// CheckName with single slashes between them, at most 128 of them and 4096
// octets in all. It is relative by its form. The error is ErrName.
func CheckPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("%w: path %.80q has %d octets, more than %d", ErrName, path, len(path), maxPath)
	}
	rest, depth := path, 0
	for more := true; more; {
		var component string
		component, rest, more = strings.Cut(rest, "/")
		if depth++; depth > maxDepth {
			return fmt.Errorf("%w: path %.80q is deeper than %d", ErrName, path, maxDepth)
		}
		if reason := nameFault(component); reason != "" {
			return fmt.Errorf("%w: path %.80q: component %.80q %s", ErrName, path, component, reason)
		}
	}
	return nil
}

// ComparePaths orders paths as a plan does: component by component, each by
// its octets, a directory before what it holds. That is the order of a walk
// that visits each directory's names sorted. It returns -1, 0 or 1.
func ComparePaths(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		// No octet of a name is below 0x20, so a slash counts as less than any.
		if x == '/' {
			return -1
		}
		if y == '/' {
			return 1
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(len(a), len(b))
}

// nameFault returns why s may not be a component, "" when it may.
func nameFault(s string) string {
	switch {
	case s == "":
		return "is empty"
	case s == "." || s == "..":
		return "is not a name"
	case len(s) > maxName:
		return "is longer than 255 octets"
	}
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			ascii = false
		case c < 0x20 || c == 0x7f:
			return "has a control character"
		case c == '/':
			return "has a slash"
		case c == '\\':
			return "has a backslash"
		}
	}
	if !ascii {
		if reason := textFault(s); reason != "" {
			return reason
		}
		if !norm.NFC.IsNormalString(s) {
			return "is not in Unicode normal form C"
		}
	}
	switch {
	case len(s) >= len(ownPrefix) && strings.EqualFold(s[:len(ownPrefix)], ownPrefix):
		return "begins with .pawl-"
	case s[len(s)-1] == ' ' || s[len(s)-1] == '.':
		return "ends with a space or a dot"
	case deviceName(s):
		return "is a device on Windows"
	}
	return ""
}

// textFault returns why s may not be shown to a person, "" when it may: not
// UTF-8, or with characters that control, reorder, break or hide.
func textFault(s string) string {
	if !utf8.ValidString(s) {
		return "is not UTF-8"
	}
	for _, r := range s {
		if reason := runeFault(r); reason != "" {
			return reason
		}
	}
	return ""
}

// runeFault returns why r may not be in a text, "" when it may.
func runeFault(r rune) string {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0:
		return "has a control character"
	case r < 0x061c:
		return ""
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return "has a character that turns the direction of writing"
	case r == 0x2028, r == 0x2029:
		return "has a line separator"
	case r == 0xfeff:
		return "has a byte order mark"
	case r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return "has a noncharacter"
	}
	return ""
}

// deviceName says whether Windows would open a device for s: CON, PRN, AUX,
// NUL, COM1 to COM9, LPT1 to LPT9 (also with superscript digits), in any case,
// with or without an extension.
func deviceName(s string) bool {
	stem, _, _ := strings.Cut(s, ".")
	stem = strings.TrimRight(stem, " ")
	if len(stem) < 3 || len(stem) > 5 {
		return false
	}
	kind, number := stem[:3], stem[3:]
	for _, device := range [...]string{"con", "prn", "aux", "nul"} {
		if number == "" && strings.EqualFold(kind, device) {
			return true
		}
	}
	if !strings.EqualFold(kind, "com") && !strings.EqualFold(kind, "lpt") {
		return false
	}
	switch number {
	case "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	}
	return false
}
