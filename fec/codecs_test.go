package fec

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestCheck holds the rules to what the library accepts and to each other.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		code Code
		k, r int
		ok   bool
	}{
		{0, 1, 0, false}, {5, 1, 1, false},
		{None, 1, 0, true}, {None, 65535, 0, true}, {None, 65536, 0, false}, {None, 0, 0, false}, {None, 1, 1, false},
		{Leopard8, 200, 0, false}, {Leopard8, 200, 20, true}, {Leopard8, 240, 16, true}, {Leopard8, 241, 16, false},
		{Leopard8, 224, 32, true}, {Leopard8, 224, 33, false}, {Leopard8, 192, 64, true}, {Leopard8, 128, 128, true},
		{Leopard8, 1, 129, false}, {Leopard8, -1, 1, false}, {Leopard8, 1, -1, false}, {Leopard8, 1 << 62, 1 << 62, false},
		{Leopard16, 1000, 50, true}, {Leopard16, 4096, 4096, true}, {Leopard16, 4097, 4096, false}, {Leopard16, 9, 0, false},
		{Classic, 200, 56, true}, {Classic, 200, 57, false}, {Classic, 1, 255, true}, {Classic, 256, 0, false},
	} {
		if err := Check(c.code, c.k, c.r); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrGeometry) {
			t.Errorf("Check(%v, %d, %d) = %v", c.code, c.k, c.r, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		code := Code(rapid.Uint8Range(0, 5).Draw(t, "code"))
		k, r := rapid.IntRange(-1, 300).Draw(t, "K"), rapid.IntRange(-1, 300).Draw(t, "R")
		_, err := testCodecs.Get(code, k, r)
		if (err == nil) != (Check(code, k, r) == nil) {
			t.Fatalf("%v %d+%d: Get says %v", code, k, r, err)
		}
		if err == nil && k > 1 && Check(code, k-1, r) != nil {
			t.Fatalf("%v %d+%d is legal, but not one source symbol less", code, k, r)
		}
	})
}

func TestCodeNames(t *testing.T) {
	for c := None; c <= Classic; c++ {
		if got, err := ParseCode(c.String()); got != c || err != nil {
			t.Errorf("%v parses to %v, %v", c, got, err)
		}
	}
	for _, name := range []string{"", "code 0", "Leopard8", "raptor"} {
		if c, err := ParseCode(name); err == nil {
			t.Errorf("%q parses to %v", name, c)
		}
	}
	if got := Code(9).String(); got != "code 9" {
		t.Error(got)
	}
}

func TestCodecsBounded(t *testing.T) {
	var c Codecs
	keep, err := c.Get(Classic, 7, 3)
	if err != nil {
		t.Fatal(err)
	}
	for k := 1; k <= 250; k++ {
		if _, err := c.Get(Leopard8, k, 1); err != nil {
			t.Fatal(err)
		}
		if again, err := c.Get(Classic, 7, 3); again != keep || err != nil {
			t.Fatal("a codec in use was dropped", err)
		}
	}
	if c.byUse.Len() != maxCodecs || len(c.byName) != maxCodecs {
		t.Errorf("%d codecs kept, %d named, of %d", c.byUse.Len(), len(c.byName), maxCodecs)
	}
}

// TestCodecsConcurrent is for the race detector: one cache, and with it one workspace, for all.
func TestCodecsConcurrent(t *testing.T) {
	const seed = 6
	t.Logf("seed %d", seed)
	var c Codecs
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(worker)))
			for range 60 {
				code := []Code{Leopard8, Leopard16, Classic}[random.IntN(3)]
				k, r := 1+random.IntN(40), 1+random.IntN(20)
				codec, err := c.Get(code, k, r)
				if err != nil {
					t.Error(err)
					return
				}
				want := block(t, code, k, r, 64, random)
				got := clone(want)
				for _, i := range random.Perm(k + r)[:r] {
					got[i] = nil
				}
				if err := codec.Rebuild(got); err != nil {
					t.Error(err)
				}
				for i := range k {
					if string(got[i]) != string(want[i]) {
						t.Errorf("%v %d+%d: symbol %d is wrong", code, k, r, i)
					}
				}
			}
		})
	}
	group.Wait()
}
