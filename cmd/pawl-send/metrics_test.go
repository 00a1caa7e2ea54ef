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
	"Channels.Carousel.Sent":  "how far one round is is no time series: pawl-send status shows it",
	"Channels.Carousel.Total": "the same",

	"Transfers.*": "a transfer is no time series: pawl-send status names them",
}

// TestMetricsCoverTheStatus: what the status counts, the metrics show.
func TestMetricsCoverTheStatus(t *testing.T) { metricstest.Covers(t, families, unshown) }

// TestMetricsPage holds docs/metrics.md to what is shown.
func TestMetricsPage(t *testing.T) {
	metricstest.Page(t, "../../docs/metrics.md", "pawl-send",
		func(b *bytes.Buffer) error { return metrics.Table(b, families) },
		func(b *bytes.Buffer) error {
			b.WriteString("\nAnd as every daemon:\n\n")
			return metrics.Table(b, daemon.Families("pawl-send"))
		})
}
