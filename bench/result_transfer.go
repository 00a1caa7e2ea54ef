package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Case names what a transfer was, without what it showed: runs of one case have one name.
func (r *TransferReport) Case() string {
	name := fmt.Sprintf("%s/bytes=%d/mtu=%d/rate=%d/seal=%s/passes=%d/loss=%g", r.Mix, r.ContentBytes, r.MTU, r.Rate, r.Seal, r.Passes, r.Loss)
	for _, more := range []struct {
		is   bool
		text string
	}{
		{r.Stated != r.Loss, fmt.Sprintf("/stated=%g", r.Stated)},
		{r.Outage > 0, fmt.Sprintf("/outage=%gs/every=%gs", r.Outage, r.Every)},
		{r.Late > 0, fmt.Sprintf("/late=%gs", r.Late)},
		{r.KilledAt > 0, "/killed"},
		{r.Links > 1, fmt.Sprintf("/links=%d/survive=%d", r.Links, r.Survive)},
		{r.WasCut, "/cut"},
		{r.HighDisk, "/high=disk"},
		{r.Halves, "/halves"},
	} {
		if more.is {
			name += more.text
		}
	}
	return name
}

// AddTo enters the transfer as one sample of each metric of row. One that did not arrive
// whole has neither speeds nor costs and lowers whole_ratio.
func (r *TransferReport) AddTo(row *Row) {
	n := row.Values["transfers"]
	whole := 0.0
	if r.Intact {
		whole = 1
	}
	row.Values["whole_ratio"] = (row.Values["whole_ratio"]*n + whole) / (n + 1)
	row.Values["transfers"] = n + 1
	row.Values["loss"] = r.Loss
	row.Values["mtu"] = float64(r.MTU)
	row.Values["content_bytes"] = float64(r.ContentBytes)
	row.Sample("reverse_packets", float64(r.ReversePackets))
	row.Sample("kernel_drops", float64(r.KernelDrops))
	row.Sample("overruns", float64(r.Overruns))
	if !r.Intact {
		return
	}
	if r.Halves {
		for metric, value := range map[string]float64{
			"goodput_bps": r.Goodput, "crossing_bps": r.Crossing, "verified_bps": r.Verified, "cpu_receive_s_per_gb": r.CPUReceive, "cpu_release_s_per_gb": r.CPURelease,
			"rss_receive_bytes": float64(r.RSSReceive), "rss_release_bytes": float64(r.RSSRelease), "packets_missed": float64(r.PacketsMissed),
		} {
			row.Sample(metric, value)
		}
		return
	}
	for metric, value := range map[string]float64{
		"goodput_bps": r.Goodput, "crossing_bps": r.Crossing, "verified_bps": r.Verified, "repair_ratio": r.RepairRatio, "planned_ratio": r.PlannedRatio, "overhead_ratio": r.OverheadRatio,
		"cpu_send_s_per_gb": r.CPUSend, "cpu_receive_s_per_gb": r.CPUReceive, "cpu_release_s_per_gb": r.CPURelease,
		"cpu_total_s_per_gb": r.CPUSend + r.CPUReceive + r.CPURelease,
		"rss_send_bytes":     float64(r.RSSSend), "rss_receive_bytes": float64(r.RSSReceive), "rss_release_bytes": float64(r.RSSRelease),
		"packets_sent": float64(r.PacketsSent), "packets_lost": float64(r.PacketsLost), "packets_missed": float64(r.PacketsMissed),
	} {
		row.Sample(metric, value)
	}
}

// TransferRows gathers reports into one row a case, in the order in which the cases came.
func TransferRows(reports []TransferReport) []Row {
	rows, at := []Row{}, map[string]int{}
	for i := range reports {
		name := reports[i].Case()
		n, known := at[name]
		if !known {
			n = len(rows)
			at[name] = n
			rows = append(rows, NewRow(name))
		}
		reports[i].AddTo(&rows[n])
	}
	return rows
}

// ReadTransfers reads the objects that "pawl-bench transfer --json" wrote, one after
// another, at least one. A key that this version does not know is passed over, because an
// older or newer program may have written it; without the keys of a transfer it is an
// ErrResult.
func ReadTransfers(from io.Reader) ([]TransferReport, error) {
	var reports []TransferReport
	in := json.NewDecoder(from)
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := in.Decode(&raw)
		if errors.Is(err, io.EOF) && n > 1 {
			return reports, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: transfer %d: %w", ErrResult, n, err)
		}
		var keys map[string]json.RawMessage
		var report TransferReport
		if err := errors.Join(json.Unmarshal(raw, &keys), json.Unmarshal(raw, &report)); err != nil {
			return nil, fmt.Errorf("%w: transfer %d: %w", ErrResult, n, err)
		}
		for key := range strings.FieldsSeq("mix content_bytes mtu rate_bps seal passes loss intact goodput_bps") {
			if keys[key] == nil {
				return nil, fmt.Errorf("%w: transfer %d has no %q", ErrResult, n, key)
			}
		}
		reports = append(reports, report)
	}
}
