package bench

import (
	"bytes"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func someResult(t *testing.T, samples ...float64) *Result {
	t.Helper()
	r, err := NewResult("v0", KindCodec)
	if err != nil {
		t.Fatal(err)
	}
	row := NewRow("case")
	for _, s := range samples {
		row.Sample("goodput_bps", s)
	}
	row.Values["k"] = 200
	row.addBins("lost_run_packets", []Bin{{1, 2}, {4, 1}})
	row.addBins("lost_run_packets", []Bin{{2, 1}, {4, 1}})
	r.Rows = append(r.Rows, row)
	return r
}

func TestResultComesBack(t *testing.T) {
	r := someResult(t, 3, 1, 2, 10)
	if got := r.Rows[0].Values["goodput_bps"]; got != 2.5 {
		t.Errorf("median of 3 1 2 10: %v", got)
	}
	if got, want := r.Rows[0].Histograms["lost_run_packets"], []Bin{{1, 2}, {2, 1}, {4, 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("bins %v, want %v", got, want)
	}
	if m := r.Machine; m.Cores < 1 || m.Memory == 0 || m.Kernel == "" || m.CPU == "" {
		t.Errorf("machine %+v", m)
	}
	file := filepath.Join(t.TempDir(), "r.json")
	if err := r.Save(file, nil); err != nil {
		t.Fatal(err)
	}
	back, err := Load(file)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("%v\nwrote %+v\nread  %+v", err, r, back)
	}
	var stdout bytes.Buffer
	if err := back.Save("-", &stdout); err != nil || stdout.Len() == 0 {
		t.Errorf("to standard output: %v, %d octets", err, stdout.Len())
	}
}

func TestResultIsReadStrictly(t *testing.T) {
	var text bytes.Buffer
	if err := someResult(t, 1).Write(&text); err != nil {
		t.Fatal(err)
	}
	good := text.String()
	for name, c := range map[string][2]string{
		"unknown key": {`"pawl"`, `"paul"`}, "unknown kind": {`"codec"`, `"cake"`}, "no name": {`"case"`, `""`},
		"metric": {`"k": 200`, `"K": 200`}, "samples without a value": {`"goodput_bps": 1`, `"goodput": 1`},
		"no rows": {`"rows"`, `"settings"`}, "no version": {`"v0"`, `""`}, "bins": {`"at": 4`, `"at": 0`},
	} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if bad == good {
			t.Fatalf("%s: nothing to replace", name)
		}
		if _, err := ReadResult(strings.NewReader(bad)); !errors.Is(err, ErrResult) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadResult(strings.NewReader(good + "{}")); !errors.Is(err, ErrResult) {
		t.Errorf("something behind: %v", err)
	}
	r := someResult(t, 1)
	r.Rows = append(r.Rows, r.Rows[0])
	if err := r.Write(&text); !errors.Is(err, ErrResult) {
		t.Errorf("two rows of one name were written: %v", err)
	}
}

func TestMetricOf(t *testing.T) {
	for name, want := range map[string]Metric{
		"goodput_bps": {Unit: "bit/s", Better: Higher}, "cpu_send_s_per_gb": {Unit: "CPU s/GB", Better: Lower},
		"encode_gb_per_cpu_s": {Unit: "GB/CPU s", Better: Higher}, "rss_send_bytes": {Unit: "B", Better: Lower},
		"loss_ratio": {Better: Lower}, "whole_ratio": {Better: Higher}, "asked_rate_bps": {Unit: "bit/s"},
		"lost_packets": {Unit: "packets", Better: Lower}, "k": {}, "overruns": {Unit: "packets", Better: Lower},
	} {
		want.Name = name
		if got := MetricOf(name); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	up, down := MetricOf("goodput_bps"), MetricOf("lost_packets")
	if up.Worse(10, 9) != 0.1 || up.Worse(10, 11) >= 0 || down.Worse(10, 11) != 0.1 || MetricOf("k").Worse(1, 9) != 0 || !math.IsInf(down.Worse(0, 1), 1) {
		t.Error("Worse")
	}
}

func TestTransfersBecomeRows(t *testing.T) {
	whole := `{"mix":"random","content_bytes":1000,"mtu":1500,"rate_bps":5,"seal":"none","passes":1,"loss":0.01,"intact":true,"goodput_bps":7,"new_key":1}`
	failed := strings.Replace(strings.Replace(whole, "true", "false", 1), ":7", ":0", 1)
	other := strings.Replace(whole, "1500", "9000", 1)
	reports, err := ReadTransfers(strings.NewReader(whole + "\n" + failed + other))
	if err != nil {
		t.Fatal(err)
	}
	rows := TransferRows(reports)
	if len(rows) != 2 || rows[0].Values["whole_ratio"] != 0.5 || rows[0].Values["transfers"] != 2 {
		t.Fatalf("%+v", rows)
	}
	if got := rows[0].Samples["goodput_bps"]; !reflect.DeepEqual(got, []float64{7}) {
		t.Errorf("goodput of those that arrived: %v", got)
	}
	for _, bad := range []string{"", "[]", "{}", whole + "{", strings.Replace(whole, `"mix"`, `"mox"`, 1)} {
		if _, err := ReadTransfers(strings.NewReader(bad)); !errors.Is(err, ErrResult) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
