package main

import (
	"bytes"
	"testing"

	"pawl/cmd/internal/daemon"
	"pawl/cmd/internal/metrics"
	"pawl/cmd/internal/metrics/metricstest"
)

// unshown are the numbers of the status that have no metric, and why.
var unshown = map[string]string{
	"Transfers.*":         "a transfer is no time series: pawl-receive status names them",
	"Account.*":           "the same counts at the last quiet instant: the audit log has them by day",
	"Sessions.Session":    "a label that changes every hour is no label",
	"Sessions.Packets":    "of one session: the ledger has the sum",
	"Sessions.FirstHeard": "a packet number",
	"Sessions.Highest":    "a packet number",
	"Sessions.Lost":       "of one session: lost_packets is the sum",
	"OneWay.TxAtStart":    "the interface's own counter; what moved since is shown",
	"OneWay.TxNow":        "the interface's own counter; what moved since is shown",
}

// TestMetricsCoverTheStatus: what the status counts, the metrics show.
func TestMetricsCoverTheStatus(t *testing.T) { metricstest.Covers(t, families, unshown) }

// TestMetricsPage holds docs/metrics.md to what is shown.
func TestMetricsPage(t *testing.T) {
	metricstest.Page(t, "../../docs/metrics.md", "pawl-receive",
		func(b *bytes.Buffer) error { return metrics.Table(b, families) },
		func(b *bytes.Buffer) error {
			b.WriteString("\nAnd as every daemon:\n\n")
			return metrics.Table(b, daemon.Families("pawl-receive"))
		})
}
