package main

import (
	"bytes"
	"testing"

	"pawl/cmd/internal/daemon"
	"pawl/cmd/internal/metrics"
	"pawl/cmd/internal/metrics/metricstest"
)

// TestMetricsCoverTheStatus: what the status counts, the metrics show.
func TestMetricsCoverTheStatus(t *testing.T) {
	metricstest.Covers(t, families, map[string]string{
		"Failing.Tries": "which transfers fail, and how often each was tried, is for status: labels would have no bound",
	})
}

// TestMetricsPage holds docs/metrics.md to what is shown.
func TestMetricsPage(t *testing.T) {
	metricstest.Page(t, "../../docs/metrics.md", "pawl-release",
		func(b *bytes.Buffer) error { return metrics.Table(b, families) },
		func(b *bytes.Buffer) error {
			b.WriteString("\nAnd as every daemon:\n\n")
			return metrics.Table(b, daemon.Families("pawl-release"))
		})
}
