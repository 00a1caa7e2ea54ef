package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostile is text as a result file from elsewhere may have it.
const hostile = `<script>alert("x")</script>&'`

func reportMachine() Machine {
	return Machine{CPU: hostile, Cores: 2, Memory: 24 << 30, Kernel: "6.18", Go: "go1.26 linux/amd64", Date: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
}

// reportResults are transfers that meet and miss bars, and a calibration.
func reportResults() []*Result {
	transfers := &Result{Pawl: hostile, Kind: KindTransfer, Machine: reportMachine(), Settings: map[string]string{hostile: hostile}}
	for _, loss := range []float64{0, 0.01, 0.05} {
		report := TransferReport{Mix: MixRandom, ContentBytes: 1 << 30, MTU: 1500, Rate: 6e9, Seal: "aes-256-gcm", Passes: 1, Loss: loss, Stated: loss, Intact: true,
			Goodput: 4.2e9 - 2e10*loss, CPUSend: 1.25, CPUReceive: 2, CPURelease: 0.5, OverheadRatio: 1.05 + loss, RepairRatio: 0.02 + loss, PlannedRatio: 0.02 + loss, Crossing: 5e9, Verified: 4.5e9}
		again := report
		again.Goodput *= 0.9
		transfers.Rows = append(transfers.Rows, TransferRows([]TransferReport{report, again, report})...)
	}
	row := NewRow(hostile + "/bytes=1/late=x")
	row.Values = map[string]float64{"mtu": 1500, "loss": 0, "cpu_send_s_per_gb": 1}
	transfers.Rows = append(transfers.Rows, row)

	calibrate := &Result{Pawl: "v1", Kind: KindCalibrate, Machine: reportMachine(), Settings: map[string]string{}}
	c := &Calibration{Steps: []CalibratedStep{{
		LinkStep: LinkStep{Size: 1472, Rate: 1e9, Burst: 1}, Sent: 1000, Arrived: 990, Lost: 10, Took: time.Second,
		SlotLoss: []float64{0, 0.1, 0, 0.1}, Runs: []Bin{{At: 1, Count: 6}, {At: 4, Count: 1}},
	}}}
	c.AddTo(calibrate, &Statement{Rate: 1e9, MTU: 1500, Loss: 0.012, Burst: 5 * time.Millisecond, BurstEvery: time.Second})
	return append([]*Result{transfers, calibrate}, otherResults()...)
}

// otherResults are one of each kind that has a figure of its own, with bars met and missed.
func otherResults() (all []*Result) {
	add := func(kind Kind, name string, samples map[string][]float64, values map[string]float64) {
		row := NewRow(name)
		for metric, list := range samples {
			for _, value := range list {
				row.Sample(metric, value)
			}
		}
		for metric, value := range values {
			row.Values[metric] = value
		}
		all = append(all, &Result{Pawl: "v1", Kind: kind, Machine: reportMachine(), Settings: map[string]string{}, Rows: []Row{row}})
	}
	var tries []float64
	for n := range 200 {
		tries = append(tries, 0.002+float64(n%20)/1e3)
	}
	add(KindLatency, "latency/bytes=1024/mtu=1500/rate=1000000000/seal=aes-256-gcm/loss=0", map[string][]float64{"latency_s": tries},
		map[string]float64{"content_bytes": 1024, "loss": 0, "latency_p50_s": 0.01, "latency_p99_s": 0.021, "latency_max_s": 0.021})
	add(KindPacing, "pacing/mtu=1500/rate=1000000000", map[string][]float64{
		"rate_error_ratio": {0.001, 0.002, 0.02, 0.001, 0.001}, "burst_stated_ratio": {0.9, 0.9, 1.5, 0.9, 0.9}, "cpu_pacing_ratio": {0.03},
	}, map[string]float64{"asked_rate_bps": 1e9})
	add(KindCodec, "leopard8/k=200/r=20/t=1408", map[string][]float64{"encode_gb_per_cpu_s": {5}, "rebuild_max_gb_per_cpu_s": {2}}, nil)
	add(KindLink, "mtu=1500/gso+gro", map[string][]float64{"lossless_rate_bps": {7e9}}, nil)
	return all
}

func page(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReportPage: the page has what it should, needs nothing from anywhere, and no text from a file becomes markup.
func TestReportPage(t *testing.T) {
	results := reportResults()
	r := NewReport([]string{"dir/" + "a<b>.json", "c.json", "d", "e", "f", "g"}, results)
	text := page(t, r)
	if again := page(t, NewReport([]string{"dir/" + "a<b>.json", "c.json", "d", "e", "f", "g"}, results)); again != text {
		t.Error("two pages of one result differ")
	}
	for _, never := range []string{"<script", "http:", "https:", "src=", "href=", "url(", "@import", "a<b>", "NaN", "Inf", "#2A6FBB"} {
		if strings.Contains(text, never) {
			t.Errorf("the page has %q", never)
		}
	}
	for _, want := range []string{"default-src 'none'", "prefers-color-scheme:dark", "width=device-width", "&lt;script&gt;", "var(--c0)", "a&lt;b&gt;.json", "24 GiB"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	var heads []string
	for _, m := range regexp.MustCompile(`<h2>([^<]*)</h2>`).FindAllStringSubmatch(text, -1) {
		heads = append(heads, m[1])
	}
	want := []string{"Measured on", "Figures beside their bars", "Goodput against loss", "Where the time goes", "CPU per GB", "Latency of a small file", "Error of the paced rate",
		"CPU per GB of the erasure codes", "The raw link", "Loss over time", "Bursts", "Residual failure probability", "All figures"}
	if !slices.Equal(heads, want) {
		t.Errorf("headings %q, want %q", heads, want)
	}
	if n := strings.Count(text, "<svg"); n != 20 {
		t.Errorf("%d drawings, want each of 10 wide and narrow", n)
	}
	wellFormed(t, text, false)
}

// wellFormed reads markup to its end; a page may leave its <meta> open.
func wellFormed(t *testing.T, text string, strict bool) {
	t.Helper()
	in := xml.NewDecoder(strings.NewReader(text))
	if !strict {
		in.Strict, in.AutoClose, in.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	}
	for {
		if _, err := in.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not well formed: %v", err)
		}
	}
}

// TestReportJudges: the bars of the issue, beside the figures.
func TestReportJudges(t *testing.T) {
	r := NewReport([]string{"a", "b", "c", "d", "e", "f"}, reportResults())
	var got []string
	for _, j := range r.judged {
		got = append(got, fmt.Sprintf("%d %s %v", j.Number, j.Metric, j.Judgement))
	}
	want := []string{
		"1 goodput_bps too few runs", "1 verified_bps shown", "1 crossing_bps shown", "1 cpu_total_s_per_gb too few runs",
		"2 goodput_bps too few runs", "2 verified_bps shown", "2 crossing_bps shown", "2 cpu_total_s_per_gb too few runs", "2 whole_ratio too few runs",
		"5 whole_ratio too few runs", "5 repair_ratio too few runs", "5 repair_ratio too few runs", "5 overhead_ratio shown", "5 goodput_bps shown",
		"7 latency_p50_s shown", "7 latency_p99_s met", "7 latency_max_s shown",
		"9 rate_error_ratio met", "9 burst_stated_ratio missed", "9 cpu_pacing_ratio shown",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if j := r.judged[0]; j.Figure != "4.2 Gbit/s" || j.Low != "3.78 Gbit/s" || j.Bar != "at least 4 Gbit/s" || j.Samples != 3 || r.Count(Missed) != 1 {
		t.Errorf("%+v", j)
	}
	slow := reportResults()
	slow[0].Rows[0].Values["goodput_bps"] = 3.9e9
	slow[0].Rows[0].Values["cpu_total_s_per_gb"] = 3.81
	if n := NewReport([]string{"a", "b", "c", "d", "e", "f"}, slow).Count(Missed); n != 3 {
		t.Errorf("%d missed, want 3", n)
	}
}

// TestReportPictures: each plot as SVG and PNG, the same twice.
func TestReportPictures(t *testing.T) {
	r := NewReport([]string{"a", "b", "c", "d", "e", "f"}, reportResults())
	names := []string{"goodput", "time", "cpu", "latency", "pacing", "codec", "link", "loss", "bursts", "residual"}
	if !slices.Equal(r.Figures(), names) {
		t.Fatalf("figures %q", r.Figures())
	}
	var before map[string][]byte
	for range 2 {
		dir, files := filepath.Join(t.TempDir(), "pictures"), map[string][]byte{}
		if err := errors.Join(r.SaveSVG(dir), r.SavePNG(dir)); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			for _, suffix := range []string{".svg", ".png"} {
				text, err := os.ReadFile(filepath.Join(dir, name+suffix))
				if err != nil {
					t.Fatal(err)
				}
				files[name+suffix] = text
				if before != nil && !bytes.Equal(before[name+suffix], text) {
					t.Errorf("%s%s differs from the first", name, suffix)
				}
			}
			wellFormed(t, string(files[name+".svg"]), true)
			if strings.Contains(string(files[name+".svg"]), "<script") {
				t.Errorf("%s: text became markup", name)
			}
			picture, err := png.Decode(bytes.NewReader(files[name+".png"]))
			if err != nil || picture.Bounds().Dx() != 2*wideWidth {
				t.Errorf("%s: %v, %v", name, picture, err)
			}
		}
		before = files
	}
}

// TestReportOfLittle: results that have nothing, or next to nothing, to draw.
func TestReportOfLittle(t *testing.T) {
	row := func(name string, values map[string]float64) Row {
		r := NewRow(name)
		for metric, value := range values {
			r.Sample(metric, value)
		}
		return r
	}
	for name, r := range map[string]*Result{
		"codec":      {Kind: KindCodec, Rows: []Row{row("leopard8/k=200", map[string]float64{"encode_gb_per_cpu_s": 5})}},
		"no rows":    {Kind: KindTransfer, Rows: []Row{}},
		"one":        {Kind: KindTransfer, Rows: []Row{row("random/bytes=1", map[string]float64{"goodput_bps": 1, "mtu": 1500, "cpu_send_s_per_gb": 0})}},
		"zero":       {Kind: KindTransfer, Rows: []Row{row("random/bytes=1", map[string]float64{"goodput_bps": 0, "loss": 1, "mtu": 9, "cpu_send_s_per_gb": 1e-9})}},
		"not a link": {Kind: KindCalibrate, Rows: []Row{row(StatementRow, map[string]float64{"loss_ratio": 2, "mtu": -1})}},
		"no loss":    {Kind: KindCalibrate, Rows: []Row{row("step", map[string]float64{"slot_loss_ratio": 0, "duration_s": 1})}},
		"no time":    {Kind: KindCalibrate, Rows: []Row{row("step", map[string]float64{"slot_loss_ratio": 0.5})}},
	} {
		t.Run(name, func(t *testing.T) {
			r.Pawl, r.Machine = "v1", reportMachine()
			report := NewReport([]string{"f"}, []*Result{r})
			text := page(t, report)
			wellFormed(t, text, false)
			if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
				t.Error("the page has what is no number")
			}
			if err := report.SavePNG(t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}
