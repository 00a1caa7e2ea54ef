package quarantine

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestLifecyclePage holds the table of moves in the docs to the code.
func TestLifecyclePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/lifecycle.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n```moves\n")
	block, _, closed := strings.Cut(rest, "```")
	if !closed {
		t.Fatal("the page has no table of moves")
	}
	var written []State
	for line := range strings.Lines(block) {
		from, to, _ := strings.Cut(line, ":")
		st := State(strings.TrimSpace(from))
		written = append(written, st)
		var want []State
		for _, word := range strings.Fields(to) {
			want = append(want, State(word))
		}
		if !slices.Equal(moves[st], want) {
			t.Errorf("from %s: the page says %v, the code %v", st, want, moves[st])
		}
		if st.Final() != (len(want) == 0) {
			t.Errorf("%s: Final is %t", st, st.Final())
		}
	}
	if !slices.Equal(written, States()) {
		t.Errorf("the page has the states %v, the code %v", written, States())
	}
}
