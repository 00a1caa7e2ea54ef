package release

import (
	"fmt"
	"testing"

	"pawl/receiver/check/checktest"
	"pawl/receiver/quarantine"
)

// BenchmarkRelease takes whole transfers from complete to the inbox.
func BenchmarkRelease(b *testing.B) {
	many := []checktest.Entry{{Path: "many", Dir: true}}
	for i := range 10_000 {
		many = append(many, checktest.Entry{Path: fmt.Sprintf("many/%04d/%d", i/100, i), Data: make([]byte, 10<<10)})
		if i%100 == 0 {
			many = append(many, checktest.Entry{Path: fmt.Sprintf("many/%04d", i/100), Dir: true})
		}
	}
	for name, entries := range map[string][]checktest.Entry{
		"one of 256 MiB":   {{Path: "big", Data: make([]byte, 256<<20)}},
		"10,000 of 10 KiB": many,
		"one of 10 bytes":  {{Path: "small", Data: make([]byte, 10)}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				h := build(b, true)
				objects := checktest.Build(b, id, h.key, entries)
				h.put(b, id, objects)
				b.SetBytes(int64(len(objects.Content)))
				b.StartTimer()
				h.run(b, id, quarantine.Complete, quarantine.Released)
			}
		})
	}
}
