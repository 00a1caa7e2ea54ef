package receiver

// windowBits is how far packets of a session may be out of order before a late one is taken for lost: 65,536 packets are
// 77 ms at 10 Gbit/s and MTU 1500, several times more than any link that is one fibre reorders.
const windowBits = 1 << 16

// gaps counts the packets of one session that never came. Packet numbers count up without gaps on the sender's side, so
// each number missing between the first and the highest heard is a packet that the link or the kernel lost.
type gaps struct {
	started  bool
	first    uint64 // first number heard
	highest  uint64
	distinct uint64 // different numbers heard, while they were inside the window
	seen     [windowBits / 64]uint64
}

// note enters the number of an authentic packet.
func (g *gaps) note(packet uint64) {
	if !g.started {
		g.started, g.first, g.highest = true, packet, packet
		g.set(packet)
		return
	}
	switch {
	case packet > g.highest:
		if packet-g.highest >= windowBits {
			clear(g.seen[:])
		} else {
			for n := g.highest + 1; n <= packet; n++ {
				g.seen[n/64%uint64(len(g.seen))] &^= 1 << (n % 64)
			}
		}
		g.highest = packet
		g.set(packet)
	case packet < g.first || g.highest-packet >= windowBits:
		// Before what we count, or too late to tell it from a duplicate.
	default:
		g.set(packet)
	}
}

// set marks a number and counts it when it is new.
func (g *gaps) set(packet uint64) {
	word, bit := &g.seen[packet/64%uint64(len(g.seen))], uint64(1)<<(packet%64)
	if *word&bit == 0 {
		*word |= bit
		g.distinct++
	}
}

// lost is how many packets between the first and the highest heard never came.
func (g *gaps) lost() uint64 {
	if !g.started {
		return 0
	}
	return g.highest - g.first + 1 - g.distinct
}
