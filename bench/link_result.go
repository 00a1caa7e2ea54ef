package bench

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"pawl/hw/link"
)

// rows makes one row of all steps of one name, and one a group with the highest rate without loss.
func (a *linkAccount) rows(ipv6 bool) []Row {
	rows, at := []Row{}, map[string]int{}
	for i := range a.steps {
		r := &a.steps[i]
		if !r.known {
			continue
		}
		name := r.plan.name()
		n, ok := at[name]
		if !ok {
			n = len(rows)
			at[name] = n
			rows = append(rows, NewRow(name))
		}
		r.addTo(&rows[n], ipv6)
	}
	return append(rows, a.highest(ipv6)...)
}

// addTo enters a step as one sample of each metric.
func (r *linkRecord) addTo(row *Row, ipv6 bool) {
	wire := float64(link.WireSize(r.plan.Size, ipv6)) * 8
	row.Values["asked_rate_bps"] = float64(r.plan.Rate)
	row.Values["datagram_bytes_asked"] = float64(r.plan.Size)
	row.Values["announced_packets"] = float64(r.plan.Count)
	sent := r.plan.Count
	if r.told {
		sent = r.sent
		row.Sample("sent_packets", float64(r.sent))
		if r.took > 0 && r.sent > 0 {
			row.Sample("sent_rate_bps", float64(r.sent)*wire/r.took.Seconds())
			row.Sample("cpu_send_s_per_gb", r.cpu.Seconds()/(float64(r.sent)*float64(r.plan.Size)/1e9))
		}
	}
	if sent > 0 {
		row.Sample("loss_ratio", float64(r.lost)/float64(sent))
	}
	for metric, count := range map[string]int{
		"received_packets": r.received, "lost_packets": r.lost, "duplicate_packets": r.duplicates,
		"reordered_packets": r.reordered, "late_packets": r.late, "damaged_packets": int(r.damaged), "kernel_drop_packets": int(r.drops),
	} {
		row.Sample(metric, float64(count))
	}
	if r.received > 0 {
		row.Sample("cpu_receive_s_per_gb", r.cpuReceive.Seconds()/(float64(r.received)*float64(r.plan.Size)/1e9))
		row.Sample("delay_spread_s", (r.slowest - r.fastest).Seconds())
	}
	if span := (r.last - r.first).Seconds(); span > 0 && r.received > 1 {
		row.Sample("received_rate_bps", float64(r.received-1)*wire/span)
	}
	row.addBins("lost_run_packets", r.runs)
}

// addBins adds up histograms of one metric.
func (row *Row) addBins(metric string, bins []Bin) {
	all := row.Histograms[metric]
	for _, b := range bins {
		i, found := slices.BinarySearchFunc(all, b.At, func(b Bin, at float64) int { return cmp.Compare(b.At, at) })
		if !found {
			all = slices.Insert(all, i, Bin{At: b.At})
		}
		all[i].Count += b.Count
	}
	if len(all) > 0 {
		row.Histograms[metric] = all
	}
}

// highest finds for each size and method the step with the highest rate below which, by what
// was asked, no step lost anything.
func (a *linkAccount) highest(ipv6 bool) (rows []Row) {
	groups, names := map[string][]*linkRecord{}, []string{}
	for i := range a.steps {
		r := &a.steps[i]
		if !r.known {
			continue
		}
		g := r.plan.group()
		if groups[g] == nil {
			names = append(names, g)
		}
		groups[g] = append(groups[g], r)
	}
	for _, g := range names {
		row := NewRow("highest/" + g)
		row.Values["lossless_rate_bps"] = 0
		order := func(r *linkRecord) uint64 { return r.plan.Rate - 1 } // 0 is no limit, and becomes the highest
		limit, lossy := uint64(math.MaxUint64), false
		for _, r := range groups[g] {
			if !r.clean() {
				limit, lossy = min(limit, order(r)), true
			}
		}
		for _, r := range groups[g] {
			if r.clean() && (order(r) < limit || !lossy) {
				rate := float64(r.sent) * float64(link.WireSize(r.plan.Size, ipv6)) * 8 / r.took.Seconds()
				row.Values["lossless_rate_bps"] = max(rate, row.Values["lossless_rate_bps"])
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// clean says that all arrived that the sender says it sent, once and unharmed.
func (r *linkRecord) clean() bool {
	return r.told && r.sent > 0 && r.took > 0 && r.done && r.lost == 0 && r.damaged == 0
}

// describe enters what is not of one step into the settings of a result.
func (a *linkAccount) describe(r *Result) {
	r.Settings["run"] = strconv.FormatUint(a.run, 16)
	r.Settings["steps"] = strconv.Itoa(len(a.steps))
	for name, count := range map[string]uint64{
		"foreign packets": a.foreign, "damaged packets": a.damaged, "impossible packets": a.impossible,
		"contradicting packets": a.contradicting, "stray packets": a.stray, "unknown steps": uint64(a.unknown()),
	} {
		r.Settings[name] = strconv.FormatUint(count, 10)
	}
	for i := range a.steps {
		if s := &a.steps[i]; s.told && s.used != s.plan.Method { // the kernel or the NIC refused
			r.Settings["fell back"] = s.plan.name() + ": " + string(s.used)
		}
	}
	r.Settings["ended"] = "as the sender said"
	if !a.ended {
		r.Settings["ended"] = "without word of the sender"
	}
}
