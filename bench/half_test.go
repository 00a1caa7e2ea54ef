package bench

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pawl/hw/testbed"
)

// TestHalves plays the two halves on the two ends of a testbed, as on two machines: they share nothing but the link and the keys that were carried.
func TestHalves(t *testing.T) {
	testbed.Require(t)
	for name, c := range map[string]struct {
		mix    Mix
		size   uint64
		lossy  float64 // what the link does
		stated float64
		expect int // transfers, 0: as they say
		whole  int // of 3
	}{
		"files, loss":         {MixSmall, 1 << 20, 0.01, 0.01, 0, 3},
		"odd names":           {MixOdd, 0, 0, 0, 0, 3},
		"one does not arrive": {MixRandom, 2 << 20, 0, 0, 4, 3},
	} {
		t.Run(name, func(t *testing.T) {
			bed, err := testbed.Up(testbed.Config{Loss: testbed.Loss{Random: c.lossy}})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := bed.Down(); err != nil {
					t.Error(err)
				}
			}()
			keys := t.TempDir()
			if err := MakeHalfKeys(keys, programs(t)); err != nil {
				t.Fatal(err)
			}
			at := netip.AddrPortFrom(bed.Address(testbed.High, 0), port)
			high := TransferReceive{Listen: at, Keys: filepath.Join(keys, "high"), Programs: programs(t), Expect: c.expect, Idle: 4 * time.Second, Version: "v", command: bed.Command}
			low := TransferSend{
				Remote: at, Keys: filepath.Join(keys, "low"), Mix: c.mix, Size: c.size, Seed: 7, Loss: testbed.Loss{Random: c.stated}, Rate: 200e6, Repeat: 3,
				Pause: 100 * time.Millisecond, Programs: programs(t), command: bed.Command,
			}
			listening := make(chan struct{})
			sent := make(chan error, 1)
			var result *Result
			go func() {
				<-listening
				var err error
				result, err = low.Run(t.Context(), "v", func(line string) { t.Log("low: " + line) })
				sent <- err
			}()
			reports, err := high.Run(t.Context(), func(netip.AddrPort) { close(listening) }, func(line string) { t.Log("high: " + line) })
			if err := errors.Join(err, <-sent); err != nil {
				t.Fatal(err)
			}
			whole := 0
			for _, r := range reports {
				if r.Intact {
					whole++
					if r.Goodput <= 0 || r.Verified < r.Goodput || r.Crossing < r.Verified || r.ContentBytes == 0 || r.RSSReceive == 0 || !r.Balanced {
						t.Errorf("the report does not add up: %+v", r)
					}
				}
			}
			if want := max(c.expect, 3); whole != c.whole || len(reports) != want {
				t.Errorf("%d of %d are whole, want %d of %d", whole, len(reports), c.whole, want)
			}
			rows := TransferRows(reports)
			if len(rows) != 1 || c.expect == 0 && rows[0].Values["whole_ratio"] != 1 || rows[0].Values["transfers"] != float64(len(reports)) {
				t.Errorf("rows %+v", rows)
			}
			if _, there := rows[0].Values["cpu_total_s_per_gb"]; there {
				t.Error("the high half claims to know what the sender took")
			}
			if len(result.Rows) != 1 || result.Rows[0].Values["packets_sent"] == 0 {
				t.Errorf("the low half's result: %+v", result)
			}
		})
	}
}

// TestStatement: what a transfer says of itself comes from the other side.
func TestStatement(t *testing.T) {
	good := func() *statement {
		return &statement{Run: "0123456789abcdef", Number: 1, Of: 2, Mix: MixRandom, MTU: 1500, Rate: 1e9, Seal: sealed, Passes: 1}
	}
	file := filepath.Join(t.TempDir(), statementFile)
	read := func(s *statement) error {
		text, err := json.Marshal(s)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = readStatement(file)
		return err
	}
	if err := read(good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*statement){
		"mix": func(s *statement) { s.Mix = "../x" }, "seal": func(s *statement) { s.Seal = "" }, "none of none": func(s *statement) { s.Number, s.Of = 0, 0 },
		"third of two": func(s *statement) { s.Number = 3 }, "endless": func(s *statement) { s.Of = MaxRepeat + 1 }, "run": func(s *statement) { s.Run = "x" },
		"mtu": func(s *statement) { s.MTU = 0 }, "rate": func(s *statement) { s.Rate = 0 }, "passes": func(s *statement) { s.Passes = 256 },
		"loss": func(s *statement) { s.Stated = 1 }, "outage": func(s *statement) { s.Outage = -1 },
	} {
		s := good()
		spoil(s)
		if read(s) == nil {
			t.Errorf("%s: is read", name)
		}
	}
	if err := os.WriteFile(file, []byte(`{"unknown":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readStatement(file); err == nil {
		t.Error("an unknown key is read")
	}
}
