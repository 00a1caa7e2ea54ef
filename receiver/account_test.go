package receiver

import "testing"

// TestLearn: what a frame has beside payload is learned from frames that were all datagrams of ours, and from no others.
func TestLearn(t *testing.T) {
	at := func(frames, packets, over uint64) counted {
		return counted{frames: frames, octets: frames*over + 1000*packets, packets: packets, taken: 1000 * packets}
	}
	for name, c := range map[string]struct {
		seen    []counted
		over    uint64
		learned bool
	}{
		"at once":           {[]counted{at(3, 3, 42), at(9, 9, 42)}, 42, true},
		"too few":           {[]counted{at(7, 7, 42)}, 0, false},
		"losses, then none": {[]counted{at(20, 10, 28), at(25, 15, 28), at(29, 19, 28)}, 28, true},
		"losses in between": {[]counted{at(6, 6, 28), at(20, 10, 28), at(27, 17, 28)}, 0, false},
		"padded frames":     {[]counted{{frames: 10, octets: 10_421, packets: 10, taken: 10_000}}, 0, false},
		"the first counts":  {[]counted{at(10, 10, 42), at(30, 30, 46)}, 42, true},
	} {
		var a account
		for _, now := range c.seen {
			a.learn(now)
		}
		if a.over != c.over || a.learned != c.learned {
			t.Errorf("%s: %d, %v", name, a.over, a.learned)
		}
	}
}
