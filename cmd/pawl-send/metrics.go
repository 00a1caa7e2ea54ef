package main

import (
	"strconv"

	"pawl/cmd/internal/metrics"
	"pawl/sender"
)

// families are the metrics of pawl-send; docs/metrics.md is made from them.
var families = []metrics.Family[sender.Status]{
	number("packets_total", "Datagrams that the links took.", func(s *sender.Status) uint64 { return s.Packets }),
	number("wire_bytes_total", "Octets of them on the wire, headers and gaps included.", func(s *sender.Status) uint64 { return s.WireBytes }),
	number("content_bytes_total", "Octets of content of transfers, first passes only.", func(s *sender.Status) uint64 { return s.Bytes }),
	number("transfers_sent_total", "Transfers that were sent in all their passes. Sent does not mean arrived.", func(s *sender.Status) uint64 { return s.Sent }),
	number("transfers_aborted_total", "Transfers that were given up, because a file changed or could not be read.", func(s *sender.Status) uint64 { return s.Aborted }),
	number("entries_refused_total", "Entries of outboxes that were not taken.", func(s *sender.Status) uint64 { return s.Refused }),
	number("link_retries_total", "Times that a link refused packets, which were then tried again.", func(s *sender.Status) uint64 { return s.Retries }),
	number("queue_transfers", "Transfers that are not finished.", func(s *sender.Status) uint64 { return uint64(s.Queue) }),
	number("queue_bytes", "Octets of their content.", func(s *sender.Status) uint64 { return s.QueueSize }),
	metrics.Value("pawl_send_rate_bytes_per_second", "Rate of all links as configured, octets a second on the wire.", func(s *sender.Status) float64 { return float64(s.Rate) / 8 }),
	metrics.Value("pawl_send_rate_now_bytes_per_second", "Rate of the last second, octets a second on the wire.", func(s *sender.Status) float64 { return float64(s.RateNow) / 8 }),
	metrics.Value("pawl_send_planned_loss_ratio", "Random loss that the plan is for, 0 to 1.", func(s *sender.Status) float64 { return s.Loss }),
	metrics.Value("pawl_send_planned_burst_seconds", "Outage that the plan is for.", func(s *sender.Status) float64 { return float64(s.BurstMS) / 1000 }),
	number("room_bytes", "Octets free where the outboxes are.", func(s *sender.Status) uint64 { return s.Room }),
	number("audit_entries", "Entries in the low side's own audit log; 0 when none is kept.", func(s *sender.Status) uint64 { return uint64(s.Log().Size) }),
	number("audit_waiting", "Entries of it that are not on the disk yet.", func(s *sender.Status) uint64 { return uint64(s.Log().Waiting) }),
	number("audit_lost_total", "Entries of it that were not kept because the disk did not take them in time.", func(s *sender.Status) uint64 { return s.Log().Lost }),
	metrics.Value("pawl_send_audit_fault", "1 while it can't be written.", func(s *sender.Status) float64 { return metrics.Bool(s.Log().Fault != "") }),
	number("session_number", "Number of the session in use, on the first link.", func(s *sender.Status) uint64 { return s.Session }),
	metrics.Value("pawl_send_link_fault", "1 while a link refuses packets.", func(s *sender.Status) float64 { return metrics.Bool(s.LinkFault != "") }),
	perLink("link_down", "1 while the link is given up and the others go on without it. Of several links only.", func(l *sender.LinkStatus) float64 { return metrics.Bool(l.Down) }),
	perLink("link_rate_bytes_per_second", "Rate of the link as configured, octets a second on the wire. Of several links only.", func(l *sender.LinkStatus) float64 { return float64(l.Rate) / 8 }),
	perLink("link_session_number", "Number of the session in use on the link. Of several links only.", func(l *sender.LinkStatus) float64 { return float64(l.Session) }),
	perLink("link_packets_total", "Datagrams that the link took. Of several links only.", func(l *sender.LinkStatus) float64 { return float64(l.Packets) }),
	perLink("link_wire_bytes_total", "Octets of them on the wire. Of several links only.", func(l *sender.LinkStatus) float64 { return float64(l.WireBytes) }),
	perLink("link_each_retries_total", "Times that the link refused packets. Of several links only.", func(l *sender.LinkStatus) float64 { return float64(l.Retries) }),
	perLink("link_given_up_packets_total", "Packets that were not sent because the link was down. Of several links only.", func(l *sender.LinkStatus) float64 { return float64(l.GivenUp) }),
	perChannel("channel_queue_transfers", "Transfers of the channel that are not finished.", func(c *sender.ChannelStatus) float64 { return float64(c.Queue) }),
	perChannel("channel_weight", "Share of the link among the channels of its priority.", func(c *sender.ChannelStatus) float64 { return float64(c.Weight) }),
	perChannel("channel_open", "1 while the channel is in a window, or has none, and nobody holds it.", func(c *sender.ChannelStatus) float64 { return metrics.Bool(c.Open && !c.Held) }),
	perChannel("channel_day_bytes", "Octets of content that count for the quota of this day.", func(c *sender.ChannelStatus) float64 { return float64(c.Bytes) }),
	perChannel("channel_day_quota_bytes", "The quota of them, 0 for none.", func(c *sender.ChannelStatus) float64 { return float64(c.OfBytes) }),
	perChannel("channel_day_files", "Files that count for the quota of this day.", func(c *sender.ChannelStatus) float64 { return float64(c.Files) }),
	perChannel("channel_day_quota_files", "The quota of them, 0 for none.", func(c *sender.ChannelStatus) float64 { return float64(c.OfFiles) }),
	perChannel("channel_carousel_rounds_total", "Transfers of the channel that were sent again while the link was idle. 0 without a carousel.", func(c *sender.ChannelStatus) float64 {
		return float64(carouselOf(c).Rounds)
	}),
	perChannel("channel_carousel_bytes_total", "Octets of content in them.", func(c *sender.ChannelStatus) float64 { return float64(carouselOf(c).Bytes) }),
	perOutbox("outbox_waiting", "Entries that the last look left in the outbox of the channel.", func(o *sender.IntakeStatus) float64 { return float64(o.Waiting) }),
	perOutbox("outbox_rescans_total", "Times that the whole outbox had to be looked at, the first included: news was lost.", func(o *sender.IntakeStatus) float64 { return float64(o.Rescans) }),
	perOutbox("outbox_looking", "1 while there is no news of the outbox and it is only looked at.", func(o *sender.IntakeStatus) float64 { return metrics.Bool(o.Looking) }),
}

// carouselOf is the carousel of a channel, at rest if there is none.
func carouselOf(c *sender.ChannelStatus) sender.CarouselStatus {
	if c.Carousel == nil {
		return sender.CarouselStatus{}
	}
	return *c.Carousel
}

// perOutbox is a family with a value for the outbox of each channel.
func perOutbox(name, help string, read func(*sender.IntakeStatus) float64) metrics.Family[sender.Status] {
	return metrics.Family[sender.Status]{Name: "pawl_send_" + name, Help: help, Labels: []string{"channel"}, Read: func(s *sender.Status, emit metrics.Emit) {
		for i := range s.Intake {
			emit(read(&s.Intake[i]), s.Intake[i].Channel)
		}
	}}
}

// number is a family of one count.
func number(name, help string, read func(*sender.Status) uint64) metrics.Family[sender.Status] {
	return metrics.Value("pawl_send_"+name, help, func(s *sender.Status) float64 { return float64(read(s)) })
}

// perLink is a family with a value for each of several links.
func perLink(name, help string, read func(*sender.LinkStatus) float64) metrics.Family[sender.Status] {
	return metrics.Family[sender.Status]{Name: "pawl_send_" + name, Help: help, Labels: []string{"link"}, Read: func(s *sender.Status, emit metrics.Emit) {
		for i := range s.Links {
			emit(read(&s.Links[i]), strconv.Itoa(int(s.Links[i].Link)))
		}
	}}
}

// perChannel is a family with a value for each channel.
func perChannel(name, help string, read func(*sender.ChannelStatus) float64) metrics.Family[sender.Status] {
	return metrics.Family[sender.Status]{Name: "pawl_send_" + name, Help: help, Labels: []string{"channel"}, Read: func(s *sender.Status, emit metrics.Emit) {
		for i := range s.Channels {
			emit(read(&s.Channels[i]), s.Channels[i].Name)
		}
	}}
}
