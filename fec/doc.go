// Package fec is the arithmetic that stands in for asking again: it cuts an object
// into source blocks, adds repair symbols, orders both against bursts, and says
// beforehand what that costs and how often it will not be enough.
//
//	object (L octets)
//	  │ Partition           RFC 5052 section 9.1: N blocks of K or K-1 symbols of T octets
//	  ▼
//	┌─ block 0 ─┬─ block 1 ─┬─ … ─┬─ block N-1 ─┐
//	│ K source  │ K source  │     │ K-1 source  │   Codec.Encode adds R repair symbols to each
//	│ R repair  │ R repair  │     │ R repair    │   any K of the K+R rebuild the block
//	└───────────┴───────────┴─────┴─────────────┘
//	  │ Groups, Interleave  depth..2*depth-1 blocks take turns, one symbol a turn
//	  ▼
//	0.0 1.0 2.0 … 0.1 1.1 2.1 …                    a burst of B packets takes ceil(B/depth) of a block
//
// Link.Plan turns what a link does (loss, bursts, rate) and what people can bear (a
// failure probability) into K, R, depth and copies; Link.Judge does the sums for
// numbers set by hand. docs/planner.md explains both, docs/wire.md defines each code so
// that no library is needed to speak it.
//
// The package is pure: no I/O, no clock, no goroutine, no log. The words are those of
// RFC 5052: source block, encoding symbol, SBN, ESI, K, R, T.
package fec
