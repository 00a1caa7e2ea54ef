// Package metricstest holds a program's metrics to its status and to their page.
package metricstest

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pawl/cmd/internal/metrics"
)

// Covers gives each number of a status a value of its own and looks for all of these in what the families show: as it is, a
// thousandth where milliseconds become seconds, or an eighth where bits become octets. Numbers that are not meant to be shown are
// named with the reason in except, by the path of their fields, as in "Sessions.Lost", or all below a field, as in "Transfers.*";
// a path that does not exist fails the test too. The families must also be what Prometheus asks of names and help.
func Covers[S any](t *testing.T, families []metrics.Family[S], except map[string]string) {
	t.Helper()
	s := new(S)
	f := filler{values: map[string]float64{}}
	f.fill(reflect.ValueOf(s).Elem(), "")
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector(func(out chan<- prometheus.Metric) { metrics.Collect(families, s, out) }))
	shown := map[float64]bool{}
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range gathered {
		for _, m := range family.GetMetric() {
			shown[m.GetCounter().GetValue()+m.GetGauge().GetValue()] = true
		}
	}
	if len(gathered) != len(families) {
		t.Errorf("%d families are shown of %d", len(gathered), len(families))
	}
	if len(f.values) < 4 {
		t.Fatalf("only %d numbers found in the status: this test shows nothing", len(f.values))
	}
	used := map[string]bool{}
	for path, value := range f.values {
		whole, _, _ := strings.Cut(path, ".")
		excused := except[path] != "" || except[whole+".*"] != ""
		used[path], used[whole+".*"] = true, true
		if seen := shown[value] || shown[value/1000] || shown[value/8]; seen == excused {
			t.Errorf("%s: shown %v, excused %v: give it a family, or say here why it has none", path, seen, excused)
		}
	}
	for path := range except {
		if !used[path] {
			t.Errorf("%s is excused and does not exist", path)
		}
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %+v", err, problems)
	}
}

// collector is a function that collects.
type collector func(chan<- prometheus.Metric)

func (collector) Describe(chan<- *prometheus.Desc)       {}
func (c collector) Collect(out chan<- prometheus.Metric) { c(out) }

// filler numbers the numbers of a struct.
type filler struct{ values map[string]float64 }

func (f *filler) fill(v reflect.Value, at string) {
	number := func() uint64 {
		n := uint64(100_003 + 1_013*len(f.values)) // no thousandth of one is another
		f.values[at] = float64(n)
		return n
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				name := field.Name
				if at != "" && !field.Anonymous {
					name = at + "." + name
				}
				if field.Anonymous {
					name = at
				}
				f.fill(v.Field(i), name)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), at)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		f.fill(v.Index(0), at)
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		f.fill(value, at)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("x").Convert(v.Type().Key()), value)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(number()))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uint:
		if v.Type().Bits() < 32 {
			return // a number of a link or a channel: a label
		}
		v.SetUint(number())
	case reflect.Float64:
		v.SetFloat(float64(number()))
	}
}

var update = flag.Bool("update", false, "write the program's part of docs/metrics.md anew")

// Page holds the part of the page between "<!-- program -->" and the next such mark to the tables that are given.
func Page(t *testing.T, page, program string, tables ...func(*bytes.Buffer) error) {
	t.Helper()
	var want bytes.Buffer
	for _, table := range tables {
		if err := table(&want); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- begin "+program+" -->\n", "<!-- end "+program+" -->"
	head, rest, found := strings.Cut(string(text), begin)
	body, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no %q and %q", page, begin, end)
	}
	if body == want.String() {
		return
	}
	if !*update {
		t.Fatalf("%s is not what %s shows: go test ./cmd/%s -run Page -update", page, program, program)
	}
	if err := os.WriteFile(page, []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
