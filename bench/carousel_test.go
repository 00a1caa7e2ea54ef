package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pawl/fec"
	"pawl/framing"
	"pawl/hw/link/linktest"
	"pawl/receiver/quarantine"
	"pawl/sender"
)

// TestCarousel loses more than the plan bears, of all three objects, and ends with the file released once, without people. What was whole before
// is not released again by its own round.
func TestCarousel(t *testing.T) {
	for name, lose := range map[string]func(framing.Header) bool{
		"an outage": func(h framing.Header) bool {
			return h.Object == framing.ObjectContent && (h.Block > 20 && h.Block < 40 || h.Block == 41 && h.ESI > 60)
		},
		"all but some content": func(h framing.Header) bool { return h.Object != framing.ObjectContent || h.Block%2 == 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire := new(tap)
			p := newPath(t, pathConfig{
				link: linktest.Config{Drop: wire.drop}, forecast: fec.Link{Loss: 0.01}, passes: 1, idle: 200 * time.Millisecond,
				carousel: sender.Carousel{Age: time.Hour, Gap: 50 * time.Millisecond, Rounds: 6},
			})
			whole := noisy(4, 1<<20)
			p.must(os.WriteFile(filepath.Join(p.dir, "whole"), whole, 0o640))
			p.drop(filepath.Join(p.dir, "whole"))
			p.wait("whole")
			wire.lose.Store(&lose)
			content := noisy(5, 12<<20+77)
			p.must(os.WriteFile(filepath.Join(p.dir, "file"), content, 0o640))
			p.drop(filepath.Join(p.dir, "file"))
			p.incomplete()
			wire.lose.Store(nil)
			got, err := os.ReadFile(p.wait("file"))
			p.must(err)
			if !bytes.Equal(got, content) {
				t.Fatal("what was released is not what was dropped")
			}
			for limit := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) { // looks again
				s, err := sender.AskStatus(t.Context(), p.send.Socket)
				p.must(err)
				if s.Channels[0].Carousel.Rounds == 12 {
					break
				}
				if time.Now().After(limit) {
					t.Fatalf("%+v", s.Channels[0].Carousel)
				}
			}
			p.stop()
			inbox, err := os.ReadDir(p.inbox())
			p.must(err)
			released, err := p.store.List(quarantine.Released)
			p.must(err)
			if len(inbox) != 2 || len(released) != 2 {
				t.Errorf("%d entries in the inbox, %d transfers released", len(inbox), len(released))
			}
		})
	}
}
