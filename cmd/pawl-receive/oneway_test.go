package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"pawl/receiver"
)

// TestLoopbackIsNoEvidence: the status says that there is none, and why.
func TestLoopbackIsNoEvidence(t *testing.T) {
	for listen, want := range map[string]string{"127.0.0.1:4600": "loopback", "0.0.0.0:4600": "not known", "192.0.2.99:1": "192.0.2.99"} {
		watches, done, err := watchLinks([]string{listen}, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		done()
		if len(watches) != 1 || watches[0].Meter != nil || !strings.Contains(watches[0].Reason, want) {
			t.Errorf("%s: %+v", listen, watches)
		}
	}
	if _, _, err := watchLinks([]string{"here"}, zap.NewNop()); err == nil {
		t.Error("an address that is none was taken")
	}
}

func TestShowOneWay(t *testing.T) {
	now, strays := time.Now(), uint64(12)
	var out bytes.Buffer
	showOneWay(&out, &receiver.Status{Strays: &strays, OneWay: []receiver.OneWayStatus{
		{Interface: "in0", Watched: true}, {Listen: "127.0.0.1:1", Reason: "loopback"}, {Interface: "in1", Watched: true, Moved: 3, LastMoved: &now},
	}})
	for _, want := range []string{"in0 has sent nothing", "no evidence for 127.0.0.1:1: loopback", "in1 has SENT 3 packets", "12 frames"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
