package conf

import (
	"encoding"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestUnitsRead(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "4096": 4096, "7B": 7, "10KiB": 10240, "128 MiB": 128 << 20,
		"1.5GiB": 3 << 29, "2kB": 2000, "1TB": 1e12, "16EiB": 0} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); got != want || (err != nil) != (text == "16EiB") {
			t.Errorf("size %q: %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]Rate{"1Gbit/s": 1e9, "2.5Gbit/s": 25e8, "100 Mbit/s": 1e8, "64kbit/s": 64000,
		"1000": 1000, "9bit/s": 9, "0": 0} {
		var got Rate
		if err := got.UnmarshalText([]byte(text)); got != want || err != nil {
			t.Errorf("rate %q: %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]Percent{"0.5%": 0.005, "0.005": 0.005, "0.7%": 0.007, "1e-12": 1e-12, "100%": 1, "1": 1, "0": 0, "2 %": 0.02} {
		var got Percent
		if err := got.UnmarshalText([]byte(text)); got != want || err != nil {
			t.Errorf("share %q: %g, %v; want %g", text, got, err, want)
		}
	}
	for text, want := range map[string]time.Duration{"5ms": 5 * time.Millisecond, "7d": 7 * day, "1d12h": 36 * time.Hour, "0": 0,
		"1h30m": 90 * time.Minute, "0d": 0} {
		var got Duration
		if err := got.UnmarshalText([]byte(text)); time.Duration(got) != want || err != nil {
			t.Errorf("duration %q: %v, %v; want %v", text, time.Duration(got), err, want)
		}
	}
}

func TestUnitsRefuse(t *testing.T) {
	for _, text := range []string{"", " ", "x", "-1", "+1", "1..5", "1,000", "0x10", "inf", "nan", "%", "d", "1e", "5 ", " 5", "5d-3h", "5d+3h"} {
		for _, v := range []encoding.TextUnmarshaler{new(Size), new(Rate), new(Percent), new(Duration)} {
			if err := v.UnmarshalText([]byte(text)); err == nil {
				t.Errorf("%T reads %q", v, text)
			}
		}
	}
}

func TestUnitsWrite(t *testing.T) {
	for _, tc := range []struct {
		value fmt.Stringer
		want  string
	}{
		{Size(128 << 20), "128MiB"}, {Size(4097), "4097"}, {Size(2000), "2kB"}, {Size(0), "0"},
		{Rate(25e8), "2500Mbit/s"}, {Rate(1e9), "1Gbit/s"}, {Rate(0), "0bit/s"}, {Rate(1001), "1001bit/s"},
		{Percent(0.005), "0.5%"}, {Percent(0.007), "0.7%"}, {Percent(1), "100%"}, {Percent(0), "0%"}, {Percent(1e-12), "1e-12"},
		{Duration(7 * day), "7d"}, {Duration(36 * time.Hour), "1d12h"}, {Duration(0), "0s"}, {Duration(90 * time.Minute), "1h30m"},
		{Duration(5 * time.Millisecond), "5ms"}, {Duration(10 * time.Minute), "10m"}, {Duration(day + time.Second), "1d1s"},
	} {
		if got := tc.value.String(); got != tc.want {
			t.Errorf("%T writes %q, want %q", tc.value, got, tc.want)
		}
	}
}

// TestUnitsRoundTrip: what String writes, UnmarshalText reads to the same value.
func TestUnitsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size, rate := Size(rapid.Uint64().Draw(t, "size")), Rate(rapid.Uint64().Draw(t, "rate"))
		share := Percent(rapid.Float64Range(0, 1).Draw(t, "share"))
		length := Duration(rapid.Int64Min(0).Draw(t, "length"))
		var size2 Size
		var rate2 Rate
		var share2 Percent
		var length2 Duration
		for _, p := range []struct {
			from encoding.TextMarshaler
			to   encoding.TextUnmarshaler
		}{{size, &size2}, {rate, &rate2}, {share, &share2}, {length, &length2}} {
			text, err := p.from.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			if err := p.to.UnmarshalText(text); err != nil {
				t.Fatal(err)
			}
		}
		if size != size2 || rate != rate2 || share != share2 || length != length2 {
			t.Fatalf("%d %d %g %d came back as %d %d %g %d", size, rate, share, length, size2, rate2, share2, length2)
		}
	})
}

// FuzzParse: no text makes the reader panic, and errors always say something.
func FuzzParse(f *testing.F) {
	for _, tc := range wrong {
		f.Add(tc.text)
	}
	f.Add("link = { loss = 5, rate = [1, 2] }\nchannel = [{id = 1}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		if err := parse("x.toml", []byte(text), &sample{}); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
