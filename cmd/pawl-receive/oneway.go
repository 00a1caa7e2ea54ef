package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/dustin/go-humanize"
	"go.uber.org/zap"

	"pawl/hw/nic"
	"pawl/receiver"
)

// watchLinks opens the meters of the interfaces that the receiver listens on, one for each interface. No meter is no reason
// not to receive: the status says why there is none. The caller must call done.
func watchLinks(listens []string, log *zap.Logger) (watches []receiver.Watch, done func(), err error) {
	machine, none := nic.Here()
	if none != nil {
		machine = &nic.Machine{}
	}
	defer func() {
		if err != nil {
			machine.Close()
		}
	}()
	seen := map[string]bool{}
	for _, listen := range listens {
		at, err := netip.ParseAddrPort(listen)
		if err != nil {
			return nil, nil, fmt.Errorf("link.listen: %w", err)
		}
		watch, reason := receiver.Watch{Listen: listen}, none
		if none == nil {
			var meter *nic.Meter
			if meter, reason = machine.Meter(at.Addr().Unmap()); reason == nil {
				if seen[meter.Device()] {
					continue // links of one interface have one evidence
				}
				seen[meter.Device()], watch.Meter = true, meter
				// Before the socket is opened; beginWatch tells when a meter can't be read.
				watch.From, _ = meter.Read()
			}
		}
		if reason != nil {
			watch.Reason = reason.Error()
			if !errors.Is(reason, nic.ErrLoopback) {
				log.Warn("no evidence that the link is one-way: its interface can't be watched", zap.String("listen", listen), zap.Error(reason))
			}
		}
		watches = append(watches, watch)
	}
	return watches, machine.Close, nil
}

// showOneWay prints the evidence that nothing goes back.
func showOneWay(w io.Writer, s *receiver.Status) {
	for i := range s.OneWay {
		o := &s.OneWay[i]
		switch {
		case o.Moved != 0:
			fmt.Fprintf(w, "ONE-WAY\t%s has SENT %s packets, the last %s\n", o.Interface, humanize.Comma(int64(o.Moved)), o.LastMoved.Format(time.DateTime))
		case !o.Watched:
			fmt.Fprintf(w, "one-way\tno evidence for %s: %s\n", o.Listen, o.Reason)
		default:
			fmt.Fprintf(w, "one-way\t%s has sent nothing since the start\n", o.Interface)
		}
	}
	if s.Strays != nil {
		fmt.Fprintf(w, "strays\t%s frames that were not the link's\n", humanize.Comma(int64(*s.Strays)))
	}
}
