package conf

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestEffectiveReadsBack: what is written is a file that says the same.
func TestEffectiveReadsBack(t *testing.T) {
	var want sample
	want.Seal, want.Memory, want.Idle = "none", 128<<20, Duration(90*time.Second)
	want.Link.Rate, want.Link.Loss, want.Link.Burst = 25e8, 0.005, Duration(5*time.Millisecond)
	want.Channel = append(want.Channel, struct {
		ID     uint16
		Name   string
		Folder string
		Quota  Size
		Passes int
		FEC    *struct {
			K int
			R int
		}
	}{ID: 7, Name: "it's \"quoted\"", Quota: 4097, FEC: &struct {
		K int
		R int
	}{4, 2}})
	var b bytes.Buffer
	if err := Effective(&b, &want); err != nil {
		t.Fatal(err)
	}
	var got sample
	if err := Load(write(t, b.String()), &got); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if !reflect.DeepEqual(got, want) || strings.Contains(b.String(), "folder") {
		t.Errorf("%+v, want %+v\n%s", got, want, b.String())
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "", dir + "/a/b/": "", file: "k: " + file + " is not a folder", file + "/a": "k: stat " + file + "/a: not a directory"} {
		if err := Folder("k", path); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func TestPortAndSize(t *testing.T) {
	for text, ok := range map[string]bool{"10.9.0.2:4600": true, "[fd00::2]:1": true, "10.9.0.2": false, "10.9.0.2:0": false, "10.9.0.2:65536": false, "diode:1": false, "10.9.0.2:http": false} {
		if err := Port("k", text); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	if AtMost("k", MaxSize) != nil || AtMost("k", MaxSize+1) == nil {
		t.Error("the bound of sizes")
	}
}
