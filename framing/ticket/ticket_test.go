package ticket

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// seeded makes a random source and prints its seed.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// scattered are n blocks of so many, as runs.
func scattered(rng *rand.Rand, n int, blocks uint32) (runs []Run) {
	chosen := map[uint32]bool{}
	for len(chosen) < n {
		chosen[rng.Uint32N(blocks)] = true
	}
	var list []uint32
	for b := range chosen {
		list = append(list, b)
	}
	slices.Sort(list)
	for _, b := range list {
		if m := len(runs); m > 0 && runs[m-1].Last+1 == b {
			runs[m-1].Last = b
			continue
		}
		runs = append(runs, Run{b, b})
	}
	return runs
}

func text(t testing.TB, k *Ticket) string {
	t.Helper()
	s, err := k.Text()
	if err != nil {
		t.Fatalf("%+v: %v", k, err)
	}
	return s
}

// genNeed draws what an object may lack.
func genNeed(t *rapid.T, label string) (n Need) {
	switch rapid.IntRange(0, 2).Draw(t, label) {
	case 1:
		n.Whole = true
	case 2:
		next := uint64(0)
		for range rapid.IntRange(1, 20).Draw(t, label+" runs") {
			first := next + rapid.Uint64Range(0, 1<<rapid.IntRange(0, 28).Draw(t, "gap bits")).Draw(t, "gap")
			last := first + rapid.Uint64Range(0, 1<<rapid.IntRange(0, 12).Draw(t, "length bits")).Draw(t, "length")
			if last > 1<<32-1 {
				break
			}
			n.Runs = append(n.Runs, Run{uint32(first), uint32(last)})
			next = last + 2
		}
	}
	return n
}

// TestRoundTrip: what is written is read again, however it is typed; what Cover divides adds up.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Ticket{
			Transfer: Digest(rapid.Uint64Range(0, 1<<digestBits-1).Draw(t, "digest")),
			Plan:     genNeed(t, "plan"), Content: genNeed(t, "content"), Proof: genNeed(t, "proof"),
		}
		if want.Plan.None() && want.Content.None() && want.Proof.None() {
			if _, err := want.Text(); err == nil {
				t.Fatal("a ticket for nothing was written")
			}
			return
		}
		parts, err := Cover(want)
		if err != nil || len(parts) == 0 || len(parts) > MaxParts {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		var sum Ticket
		for _, p := range parts {
			s, err := p.Text()
			if err != nil {
				t.Fatal(err)
			}
			if groups := strings.Count(s, "-") + 1; groups > MaxGroups {
				t.Fatalf("%d groups", groups)
			}
			for _, typed := range []string{s, strings.ToLower(s), strings.ReplaceAll(s, "-", ""), " " + strings.ReplaceAll(s, "-", " \n")} {
				got, err := Parse(typed)
				if err != nil {
					t.Fatalf("%q: %v", typed, err)
				}
				if again, err := got.Text(); err != nil || again != s {
					t.Fatalf("%q is written again as %q, %v", s, again, err)
				}
			}
			if bits, err := p.Bits(); err != nil || bits > MaxBits {
				t.Fatalf("%d bits, %v", bits, err)
			}
			for i, n := range p.Needs() {
				into := sum.Needs()[i].Need
				into.Whole = into.Whole || n.Need.Whole
				into.Runs = append(into.Runs, n.Need.Runs...)
			}
		}
		for i, n := range want.Needs() {
			got := sum.Needs()[i].Need
			if !got.Whole && (n.Need.Whole || !slices.Equal(got.Runs, n.Need.Runs)) {
				t.Fatalf("%v: %+v became %+v", n.Object, n.Need, got)
			}
		}
	})
}

// typo is one way to mistype a text.
type typo struct {
	text   string
	groups []int // where it is
}

// typos are all wrong single characters and all neighbours that changed places.
func typos(s string) (out []typo) {
	at := 0 // characters before, hyphens not counted
	for i := range len(s) {
		if s[i] == '-' {
			continue
		}
		group := at/GroupSize + 1
		for j := range alphabet {
			if alphabet[j] != s[i] {
				out = append(out, typo{s[:i] + alphabet[j:j+1] + s[i+1:], []int{group}})
			}
		}
		next := i + 1
		if next < len(s) && s[next] == '-' {
			next++
		}
		if next < len(s) && s[next] != s[i] {
			swapped := []byte(s)
			swapped[i], swapped[next] = swapped[next], swapped[i]
			groups := []int{group}
			if next > i+1 {
				groups = append(groups, group+1)
			}
			out = append(out, typo{string(swapped), groups})
		}
		at++
	}
	return out
}

// TestTyposHaveAPlace mistypes tickets and receipt codes in every single way: each is refused and the groups named.
func TestTyposHaveAPlace(t *testing.T) {
	rng := seeded(t)
	refused := 0
	try := func(s string, parse func(string) error) {
		if err := parse(s); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		for _, wrong := range typos(s) {
			var place *PlaceError
			err := parse(wrong.text)
			if !errors.As(err, &place) || !errors.Is(err, ErrTyped) || !slices.Equal(place.Groups, wrong.groups) {
				t.Fatalf("%q typed as %q: %v, want groups %v", s, wrong.text, err, wrong.groups)
			}
			refused++
		}
	}
	for n := range 60 {
		k := &Ticket{Transfer: Digest(rng.Uint64N(1 << digestBits)), Content: Need{Runs: scattered(rng, 1+n%20, 1+1<<(6+n%20))}}
		k.Plan.Whole, k.Proof.Whole = n%3 == 0, n%5 == 0
		try(text(t, k), func(s string) error { _, err := Parse(s); return err })
		var mac [ReceiptSize]byte
		for i := range mac {
			mac[i] = byte(rng.Uint32())
		}
		try(SpellReceipt(mac), func(s string) error { _, err := ReadReceipt(s); return err })
	}
	t.Logf("%d typing errors, all refused with their place", refused)
}

// TestGroupsChangePlaces swaps, drops and doubles whole groups and single characters.
func TestGroupsChangePlaces(t *testing.T) {
	rng := seeded(t)
	for n := range 40 {
		s := text(t, &Ticket{Transfer: Digest(rng.Uint64N(1 << digestBits)), Content: Need{Runs: scattered(rng, 2+n%18, 1<<16)}})
		groups := strings.Split(s, "-")
		for i := range len(groups) - 1 {
			for j := i + 1; j < len(groups)-1; j++ {
				if swapped := slices.Clone(groups); groups[i] != groups[j] {
					swapped[i], swapped[j] = swapped[j], swapped[i]
					var place *PlaceError
					if _, err := Parse(strings.Join(swapped, "-")); !errors.As(err, &place) || !slices.Equal(place.Groups, []int{i + 1, j + 1}) {
						t.Fatalf("%q with groups %d and %d swapped: %v", s, i+1, j+1, err)
					}
				}
			}
			for what, list := range map[string][]string{
				"left out": slices.Delete(slices.Clone(groups), i, i+1),
				"doubled":  slices.Insert(slices.Clone(groups), i, groups[i]),
				"short":    append(append(slices.Clone(groups[:i]), groups[i][1:]), groups[i+1:]...),
			} {
				_, err := Parse(strings.Join(list, "-"))
				var place *PlaceError
				if !errors.As(err, &place) {
					t.Fatalf("%q with group %d %s: %v", s, i+1, what, err)
				}
				if what == "short" && !slices.Equal(place.Groups, []int{i + 1}) {
					t.Fatalf("%q with a character of group %d missing: %v", s, i+1, err)
				}
			}
		}
	}
}

// TestWrongTexts: what no ticket is, and what is said of it.
func TestWrongTexts(t *testing.T) {
	for typed, want := range map[string]string{
		"":                                "nothing was typed",
		" - \n":                           "nothing was typed",
		"0":                               "group 1",
		"ABCDE-AB!DE":                     `group 2: its character 3, '!'`,
		"ABCDE-ABUDE":                     "group 2: its character 3, 'U', is none of",
		strings.Repeat("A", 151):          "31 groups",
		strings.Repeat(" ", maxTyped+1):   "more than any has",
		SpellReceipt([ReceiptSize]byte{}): "group",
	} {
		_, err := Parse(typed)
		if !errors.Is(err, ErrTyped) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", typed, err, want)
		}
	}
}

// FuzzParse: what parses is written again as the same characters.
func FuzzParse(f *testing.F) {
	rng := seeded(f)
	for n := range 8 {
		f.Add(text(f, &Ticket{Transfer: Digest(rng.Uint64N(1 << digestBits)), Content: Need{Runs: scattered(rng, 1+n, 1<<12)}}))
	}
	f.Fuzz(func(t *testing.T, typed string) {
		k, err := Parse(typed)
		if err != nil {
			return
		}
		s := text(t, k)
		was, err1 := values(typed)
		is, err2 := values(s)
		if err1 != nil || err2 != nil || !slices.Equal(was, is) {
			t.Fatalf("%q is written again as %q", typed, s)
		}
	})
}

// FuzzPayload goes past the checks that hold nearly everything away from the parser of the payload.
func FuzzPayload(f *testing.F) {
	f.Add([]byte{4, 0, 0, 0, 0, 0, 0, 0, 4, 0})
	rng := seeded(f)
	for n := range 8 {
		k := &Ticket{Transfer: 5, Plan: Need{Whole: n%2 == 0}, Content: Need{Runs: scattered(rng, 1+n*3, 1<<16)}}
		w, err := k.payload()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(w.chars)
	}
	f.Fuzz(func(t *testing.T, chars []byte) {
		if len(chars) > maxChars {
			chars = chars[:maxChars]
		}
		for i := range chars {
			chars[i] &= 31
		}
		k, err := parse(chars)
		if err != nil {
			return
		}
		w, err := k.payload()
		if err != nil || !slices.Equal(w.chars, chars) {
			t.Fatalf("%v is written again as %v, %v", chars, w, err)
		}
	})
}

// FuzzReceipt is FuzzParse for receipt codes.
func FuzzReceipt(f *testing.F) {
	f.Add(SpellReceipt([ReceiptSize]byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, typed string) {
		mac, err := ReadReceipt(typed)
		if err != nil {
			return
		}
		was, err1 := values(typed)
		is, err2 := values(SpellReceipt(mac))
		if err1 != nil || err2 != nil || !slices.Equal(was, is) {
			t.Fatalf("%q is written again as %q", typed, SpellReceipt(mac))
		}
	})
}
