package main

import (
	"strconv"

	"pawl/cmd/internal/metrics"
	"pawl/receiver"
	"pawl/receiver/quarantine"
)

// families are the metrics of pawl-receive; docs/metrics.md is made from them. The labels are our own words and numbers: nothing
// that the low side wrote is shown but its numbers.
var families = []metrics.Family[receiver.Status]{
	ledger("ledger_packets_total", "Datagrams received, by the column of the byte ledger that each is in. Those below `rejected_` were refused.", func(c receiver.Count) uint64 { return c.Packets }),
	ledger("ledger_bytes_total", "Octets of UDP payload in them.", func(c receiver.Count) uint64 { return c.Bytes }),
	number("received_packets_total", "Datagrams received: the sum of the ledger's columns.", func(s *receiver.Status) uint64 { return s.Ledger.Received.Packets }),
	number("received_bytes_total", "Octets of UDP payload in them.", func(s *receiver.Status) uint64 { return s.Ledger.Received.Bytes }),
	number("lost_packets", "Packet numbers that never came, kernel drops included. Goes down when an overtaken packet comes late.", func(s *receiver.Status) uint64 { return s.PacketsLost }),
	number("kernel_drops_total", "Datagrams lost because the sockets' buffers were full.", func(s *receiver.Status) uint64 { return s.KernelDrops }),
	list("socket_drops_total", "kernel_drops_total of each socket, where there are several.", "socket", func(s *receiver.Status, emit metrics.Emit) {
		for i, n := range s.SocketDrops {
			emit(float64(n), strconv.Itoa(i))
		}
	}),
	number("read_errors_total", "Times that a socket could not be read.", func(s *receiver.Status) uint64 { return s.ReadErrors }),
	yes("link_fault", "1 while a socket can't be read.", func(s *receiver.Status) bool { return s.LinkFault != "" }),
	number("warnings", "Things that somebody should look at: pawl-receive status names them.", func(s *receiver.Status) uint64 { return uint64(len(s.Warnings)) }),
	number("transfers_arriving", "Transfers that are arriving.", func(s *receiver.Status) uint64 { return uint64(s.Arriving) }),
	number("transfers_completed_total", "Transfers that went to complete.", func(s *receiver.Status) uint64 { return s.Completed }),
	number("transfers_incomplete_total", "Times that a transfer was put aside with symbols missing.", func(s *receiver.Status) uint64 { return s.Incomplete }),
	number("written_bytes_total", "Octets of objects written to the quarantine.", func(s *receiver.Status) uint64 { return s.WrittenBytes }),
	number("rebuilt_blocks_total", "Blocks that needed repair symbols.", func(s *receiver.Status) uint64 { return s.Rebuilt }),
	{Name: "pawl_receive_fec_margin_ratio", Help: "Repair symbols left in the rebuilt block that lately was closest to being lost, 0 to 1 of those it was sent; absent while no block needed any.", Read: func(s *receiver.Status, emit metrics.Emit) {
		if s.Margin != nil {
			emit(*s.Margin)
		}
	}},
	number("parked_blocks_total", "Times that a short block went from memory to the disk.", func(s *receiver.Status) uint64 { return s.Parked }),
	number("forgotten_symbols_total", "Symbols dropped because disk or memory had no room, or the disk changed them.", func(s *receiver.Status) uint64 { return s.Forgotten }),
	number("memory_bytes", "Octets of block buffers in use.", func(s *receiver.Status) uint64 { return s.Memory }),
	yes("disk_trouble", "1 while the quarantine's disk refuses what arrives.", func(s *receiver.Status) bool { return s.DiskTrouble }),
	list("sessions", "Open sessions of each link.", "link", func(s *receiver.Status, emit metrics.Emit) {
		for link, all := range byLink(s) {
			emit(float64(len(all)), link)
		}
	}),
	list("link_silence_seconds", "How long nothing authentic has come by each link.", "link", func(s *receiver.Status, emit metrics.Emit) {
		for link, all := range byLink(s) {
			least := all[0].SilentForMS
			for _, one := range all {
				least = min(least, one.SilentForMS)
			}
			emit(least/1000, link)
		}
	}),
	oneWay("one_way_watched", "1 while the frames that leave a link's interface are counted.", func(o *receiver.OneWayStatus) float64 { return metrics.Bool(o.Watched) }),
	oneWay("one_way_sent_packets_total", "Frames that left the interface since the program started. On a diode there are none.", func(o *receiver.OneWayStatus) float64 { return float64(o.Moved) }),
	oneWay("one_way_sent_bytes_total", "Octets of them.", func(o *receiver.OneWayStatus) float64 { return float64(o.MovedByte) }),
	oneWay("one_way_received_packets_total", "Frames that came in by the interface since the program started, whoever they were for.", func(o *receiver.OneWayStatus) float64 { return float64(o.Received) }),
	list("stray_frames", "Frames on the watched interfaces that were not the link's; absent while not known.", "", func(s *receiver.Status, emit metrics.Emit) {
		if s.Strays != nil {
			emit(float64(*s.Strays))
		}
	}),
	beat("low_heard_ago_seconds", "How long ago the low side's last beat came; absent before the first, as all that follow.", func(b *quarantine.Beat) float64 { return b.HeardAgoMS / 1000 }),
	beat("low_clock_seconds", "Low side's clock in its last beat, seconds since 1970. This and what follows is the low side's word.", func(b *quarantine.Beat) float64 { return float64(b.Clock) / 1000 }),
	beat("low_uptime_seconds", "How long its program runs.", func(b *quarantine.Beat) float64 { return b.UptimeS }),
	beat("low_rate_bytes_per_second", "Its rate as configured, octets a second.", func(b *quarantine.Beat) float64 { return float64(b.Rate) / 8 }),
	beat("low_queue_transfers", "Transfers that wait there.", func(b *quarantine.Beat) float64 { return float64(b.Queue) }),
	beat("low_queue_bytes", "Octets of their content.", func(b *quarantine.Beat) float64 { return float64(b.QueueBytes) }),
	beat("low_packets", "Packets it sent since it started.", func(b *quarantine.Beat) float64 { return float64(b.Packets) }),
	beat("low_content_bytes", "Octets of content it sent.", func(b *quarantine.Beat) float64 { return float64(b.Bytes) }),
	beat("low_transfers_sent", "Transfers it sent.", func(b *quarantine.Beat) float64 { return float64(b.Sent) }),
	beat("low_transfers_aborted", "Transfers it gave up.", func(b *quarantine.Beat) float64 { return float64(b.Aborted) }),
	beat("low_entries_refused", "Entries of outboxes it refused.", func(b *quarantine.Beat) float64 { return float64(b.Refused) }),
	beat("low_oldest_seconds", "How long the transfer that waits longest has waited.", func(b *quarantine.Beat) float64 { return b.OldestS }),
	beat("low_loss_ratio", "Random loss it plans for, 0 to 1.", func(b *quarantine.Beat) float64 { return b.Loss }),
	beat("low_burst_seconds", "Outage it plans for.", func(b *quarantine.Beat) float64 { return b.BurstMS / 1000 }),
	beat("low_room_bytes", "Octets free where its outboxes are.", func(b *quarantine.Beat) float64 { return float64(b.Room) }),
	beat("low_fault_ago_seconds", "How long ago, when it was heard, its last error was; 0 for none.", func(b *quarantine.Beat) float64 { return b.FaultAgoS }),
	beat("low_audit_entries", "Entries in its audit log.", func(b *quarantine.Beat) float64 { return float64(b.LogSize) }),
	beat("low_flights", "Transfers it says are under way.", func(b *quarantine.Beat) float64 { return float64(b.Flights) }),
}

const prefix = "pawl_receive_"

// number is a family of one count.
func number(name, help string, read func(*receiver.Status) uint64) metrics.Family[receiver.Status] {
	return metrics.Value(prefix+name, help, func(s *receiver.Status) float64 { return float64(read(s)) })
}

// yes is a family of one truth.
func yes(name, help string, read func(*receiver.Status) bool) metrics.Family[receiver.Status] {
	return metrics.Value(prefix+name, help, func(s *receiver.Status) float64 { return metrics.Bool(read(s)) })
}

// list is a family with a label, "" for none, that may have any number of values.
func list(name, help, label string, read func(*receiver.Status, metrics.Emit)) metrics.Family[receiver.Status] {
	f := metrics.Family[receiver.Status]{Name: prefix + name, Help: help, Read: read}
	if label != "" {
		f.Labels = []string{label}
	}
	return f
}

// oneWay is a family with a value for each watched interface.
func oneWay(name, help string, read func(*receiver.OneWayStatus) float64) metrics.Family[receiver.Status] {
	f := list(name, help, "", func(s *receiver.Status, emit metrics.Emit) {
		for i := range s.OneWay {
			emit(read(&s.OneWay[i]), s.OneWay[i].Listen, s.OneWay[i].Interface)
		}
	})
	f.Labels = []string{"listen", "interface"}
	return f
}

// ledger is a family with a value for each column of the byte ledger.
func ledger(name, help string, read func(receiver.Count) uint64) metrics.Family[receiver.Status] {
	return list(name, help, "column", func(s *receiver.Status, emit metrics.Emit) {
		l := &s.Ledger
		for column, c := range map[string]receiver.Count{"delivered": l.Delivered, "repair": l.Repair, "duplicate": l.Duplicate, "control": l.Control} {
			emit(float64(read(c)), column)
		}
		for reason, c := range l.Rejected {
			emit(float64(read(c)), "rejected_"+reason)
		}
	})
}

// beat is a family of what the low side last said.
func beat(name, help string, read func(*quarantine.Beat) float64) metrics.Family[receiver.Status] {
	return list(name, help, "", func(s *receiver.Status, emit metrics.Emit) {
		if s.Beat != nil {
			emit(read(s.Beat))
		}
	})
}

// byLink gathers the open sessions of each link.
func byLink(s *receiver.Status) map[string][]receiver.SessionStatus {
	all := map[string][]receiver.SessionStatus{}
	for _, one := range s.Sessions {
		link := strconv.Itoa(int(one.Link))
		all[link] = append(all[link], one)
	}
	return all
}
