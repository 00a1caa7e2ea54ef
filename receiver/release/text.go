package release

import "pawl/receiver/audit"

// shownReason is how much of a reason a log line takes, in characters.
const shownReason = 300

// Printable is [audit.Printable].
func Printable(text string, limit int) string { return audit.Printable(text, limit) }
