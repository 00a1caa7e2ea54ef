package bench

import (
	"math"
	"net"
	"runtime"
	"testing"
	"time"
)

func TestRelayLosesItsShareAndPassesOneWay(t *testing.T) {
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	const loss, count = 0.2, 2000
	r, err := startRelay(to.LocalAddr().(*net.UDPAddr).AddrPort(), loss, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	from, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(r.address()))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	buf := make([]byte, 100)
	var via *net.UDPAddr
	if err := to.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(count) { // one at a time, so that no buffer is ever full
		passed := r.passed.Load()
		if _, err := from.Write(buf); err != nil {
			t.Fatal(err)
		}
		for r.passed.Load()+r.lost.Load() <= n {
			runtime.Gosched()
		}
		if r.passed.Load() == passed {
			continue
		}
		if _, via, err = to.ReadFromUDP(buf); err != nil {
			t.Fatal(err)
		}
	}
	if lost := float64(r.lost.Load()); math.Abs(lost-loss*count) > 6*math.Sqrt(count*loss*(1-loss)) {
		t.Errorf("lost %v of %d at a loss of %v", lost, count, loss)
	}
	if _, err := to.WriteToUDP(buf, via); err != nil { // an answer goes nowhere
		t.Fatal(err)
	}
	if err := from.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := from.Read(buf); err == nil {
		t.Error("an answer came back through the relay")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
