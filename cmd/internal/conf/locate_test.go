package conf

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// located is a file in which errors of all kinds of keys have their place.
const locatedText = `state = "s"
link.rate = "1Gbit/s"
[[channel]]
id = 1
"n\u0061me" = "a"
[[channel]]
ID = 2
[channel.fec]
k = 4
`

func TestLocate(t *testing.T) {
	for _, tc := range []struct{ key, want string }{
		{"state", "x.toml:1: state: no\n1| state = \"s\"\n | ~~~~~"},
		{"link.rate", "x.toml:2: link.rate: no\n1| state = \"s\"\n2| link.rate = \"1Gbit/s\"\n | ~~~~~~~~~"},
		{"link.loss", "x.toml:1: link.loss: no\n1| state = \"s\"\n | ~"},
		{"channel[0].name", "x.toml:5: channel.name: no\n"},
		{"channel[0].folder", "x.toml:3: channel.folder: no\n"},
		{"channel[1].id", "x.toml:7: channel.id: no\n"},
		{"channel[1].fec.k", "x.toml:9: channel.fec.k: no\n"},
		{"channel[1].fec.r", "x.toml:8: channel.fec.r: no\n"},
		{"channel[7].id", "x.toml:1: channel.id: no\n"},
		{"key", "x.toml:1: key: no\n"},
	} {
		path := write(t, locatedText)
		err := Locate(path, Wrong(tc.key, "no"))
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s:\n%v\nwant\n%s", tc.key, err, tc.want)
		}
		if again := Locate(path, err); again.Error() != err.Error() {
			t.Errorf("%s: located twice: %v", tc.key, again)
		}
	}
}

func TestLocateOthers(t *testing.T) {
	path := write(t, locatedText)
	if err := Locate(path, nil); err != nil {
		t.Error(err)
	}
	if err := Locate(path, os.ErrPermission); err.Error() != "x.toml: permission denied" || !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
	if err := At("state", Wrong("key", "%w", os.ErrExist)); err.Error() != "key: file already exists" || !errors.Is(err, os.ErrExist) {
		t.Error(err)
	}
	if At("state", nil) != nil {
		t.Error("nil became an error")
	}
	if err := Locate("none.toml", Wrong("key", "no")); err.Error() != "none.toml: key: no" {
		t.Error(err)
	}
}
