package conf

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Size is a number of octets: "128MiB", "10KiB", "1.5GB", or plain octets. KiB, MiB,
// GiB and TiB are powers of 1024; kB, MB, GB and TB powers of 1000.
type Size uint64

func (*Size) kind() string { return "a size" }

var sizeForm = regexp.MustCompile(`^([0-9]+( ?B)?|[0-9]+(\.[0-9]+)? ?([KMGT]i|[kKMGT])B)$`)

// UnmarshalText reads the forms named at [Size].
func (s *Size) UnmarshalText(text []byte) error {
	if !sizeForm.Match(text) {
		return valueError(text, s.kind(), `"128MiB", "10KiB" or 4096`)
	}
	n, err := humanize.ParseBytes(string(text))
	if err != nil {
		return fmt.Errorf("size %q is too large", text)
	}
	*s = Size(n)
	return nil
}

// MarshalText writes what String writes.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size exactly, in the largest unit that divides it.
func (s Size) String() string {
	return units(uint64(s), []unit{
		{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"},
		{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}})
}

// Rate is a number of bits per second on the wire: "1Gbit/s", "2.5Gbit/s",
// "100Mbit/s", or plain bits per second. Prefixes are powers of 1000.
type Rate uint64

func (*Rate) kind() string { return "a rate" }

var rateForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?: ?([kKMGT]?)bit/s)?$`)

// UnmarshalText reads the forms named at [Rate].
func (r *Rate) UnmarshalText(text []byte) error {
	m := rateForm.FindStringSubmatch(string(text))
	if m == nil {
		return valueError(text, r.kind(), `"1Gbit/s", "100Mbit/s" or 1000000`)
	}
	scale := map[string]string{"": "", "k": "e3", "K": "e3", "M": "e6", "G": "e9", "T": "e12"}
	v, ok := new(big.Rat).SetString(m[1] + scale[m[2]])
	if !ok || !v.IsInt() || !v.Num().IsUint64() {
		return fmt.Errorf("rate %q is not a whole number of bit/s below 2^64", text)
	}
	*r = Rate(v.Num().Uint64())
	return nil
}

// MarshalText writes what String writes.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String writes the rate exactly, in the largest unit that divides it.
func (r Rate) String() string {
	if r == 0 {
		return "0bit/s"
	}
	return units(uint64(r), []unit{{1e12, "Tbit/s"}, {1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}, {1, "bit/s"}})
}

// Percent is a share or a probability from 0 to 1, kept as the fraction: "0.5%"
// or the fraction itself, 0.005.
type Percent float64

func (*Percent) kind() string { return "a share" }

// UnmarshalText reads the forms named at [Percent].
func (p *Percent) UnmarshalText(text []byte) error {
	m := shareForm.FindStringSubmatch(string(text))
	if m == nil {
		return valueError(text, p.kind(), `"0.5%" or 0.005`)
	}
	// The exponent is moved in the text, so that "0.7%" and 0.007 are the same float64.
	exponent, _ := strconv.Atoi(m[2]) // "" is 0; the form has three digits at most
	if m[3] != "" {
		exponent -= 2
	}
	v, err := strconv.ParseFloat(m[1]+"e"+strconv.Itoa(exponent), 64)
	switch {
	case err != nil || v > 1 && m[3] != "":
		return fmt.Errorf("share %q is more than 100%%", text)
	case v > 1:
		return fmt.Errorf("share %q is more than 1: write \"%s%%\" for per cent", text, text)
	}
	*p = Percent(v)
	return nil
}

var shareForm = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)(?:[eE]([-+]?[0-9]{1,3}))?( ?%)?$`)

// MarshalText writes what String writes.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String writes per cent with as many digits as the value has; values below a
// millionth of a per cent are written as a fraction, 1e-12.
func (p Percent) String() string {
	if p != 0 && p < 1e-8 || math.IsNaN(float64(p)) || math.IsInf(float64(p), 0) {
		return strconv.FormatFloat(float64(p), 'g', -1, 64)
	}
	v, _ := new(big.Rat).SetString(strconv.FormatFloat(float64(p), 'f', -1, 64))
	v.Mul(v, big.NewRat(100, 1))
	digits, _ := v.FloatPrec()
	return v.FloatString(digits) + "%"
}

// Duration is a length of time: what [time.ParseDuration] reads, with whole days
// before it: "5ms", "1h30m", "7d", "1d12h". It is never negative.
type Duration time.Duration

func (*Duration) kind() string { return "a duration" }

var daysForm = regexp.MustCompile(`^([0-9]+)d(.*)$`)

const day = 24 * time.Hour

// UnmarshalText reads the forms named at [Duration].
func (d *Duration) UnmarshalText(text []byte) error {
	bad := func() error { return valueError(text, d.kind(), `"5ms", "30s" or "7d"`) }
	rest, sum := string(text), time.Duration(0)
	if m := daysForm.FindStringSubmatch(rest); m != nil {
		n, err := strconv.ParseUint(m[1], 10, 32)
		if err != nil || n > uint64(math.MaxInt64/day) {
			return fmt.Errorf("duration %q is too long", text)
		}
		rest, sum = m[2], time.Duration(n)*day
	}
	if rest != "" || sum == 0 && len(text) == 0 {
		tail, err := time.ParseDuration(rest)
		if err != nil || tail < 0 || strings.HasPrefix(rest, "+") {
			return bad()
		}
		if sum += tail; sum < 0 {
			return fmt.Errorf("duration %q is too long", text)
		}
	}
	*d = Duration(sum)
	return nil
}

// MarshalText writes what String writes.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes days and then what is left of them, without units that are zero at the end.
func (d Duration) String() string {
	t := time.Duration(d)
	days, text := "", ""
	if n := t / day; n > 0 {
		days = strconv.FormatInt(int64(n), 10) + "d"
		t -= n * day
	}
	if t != 0 || days == "" {
		text = t.String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		if strings.HasSuffix(text, "h0m") {
			text = strings.TrimSuffix(text, "0m")
		}
	}
	return days + text
}

type unit struct {
	size uint64
	name string
}

// units writes n in the first unit that divides it, else plainly.
func units(n uint64, all []unit) string {
	for _, u := range all {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatUint(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatUint(n, 10)
}

func valueError(text []byte, what, forms string) error {
	return fmt.Errorf("%q is not %s: write %s", text, what, forms)
}
