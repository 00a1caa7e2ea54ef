package conf

import (
	"reflect"
	"testing"
)

func TestKeys(t *testing.T) {
	want := []string{"channel.fec.k", "channel.fec.r", "channel.folder", "channel.id", "channel.name", "channel.passes", "channel.quota",
		"idle", "link.burst", "link.burst_every", "link.loss", "link.mtu", "link.rate", "link.remote", "memory", "seal", "state"}
	if got := Keys(&sample{}); !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestChanged(t *testing.T) {
	const base = "state = \"a\"\n[link]\nrate = \"1Gbit/s\"\n[[channel]]\nid = 1\n"
	for _, tc := range []struct {
		text string
		want []string
	}{
		{base, nil},
		{base + "name = \"x\"\n", []string{"channel"}},
		{base + "[channel.fec]\nk = 1\n", []string{"channel"}},
		{"state = \"b\"\nidle = \"1s\"\n[link]\nrate = \"2Gbit/s\"\nloss = \"1%\"\n[[channel]]\nid = 1\n", []string{"state", "idle", "link.rate", "link.loss"}},
	} {
		a, b := new(sample), new(sample)
		if err := Load(write(t, base), a); err != nil {
			t.Fatal(err)
		}
		if err := Load(write(t, tc.text), b); err != nil {
			t.Fatal(err)
		}
		if got := Changed(a, b); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s\nchanged %q, want %q", tc.text, got, tc.want)
		}
	}
}
