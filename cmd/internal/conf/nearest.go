package conf

import "strings"

// nearest is the name closest to what was written: equal but for case, hyphens and
// underscores, or at most one edit for every three letters away, at least one: "rat"
// finds "rate", "id" does not find "fec". It is "" if there is none.
func nearest(written string, names []string) string {
	flat := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	best, least := "", max(1, len(written)/3)+1
	for _, name := range names {
		if d := distance(flat(written), flat(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their neighbour
// to come from a to b (optimal string alignment, in bytes).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
