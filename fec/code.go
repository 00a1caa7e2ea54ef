package fec

import (
	"errors"
	"fmt"
	"math/bits"
)

// Code names an erasure code; the number is the code octet of a packet.
type Code uint8

// The codes. docs/wire.md defines each.
const (
	None      Code = 1 // source symbols only, R = 0
	Leopard8  Code = 2 // Leopard over GF(2^8): the default
	Leopard16 Code = 3 // Leopard over GF(2^16): blocks of thousands of symbols
	Classic   Code = 4 // Cauchy matrix over GF(2^8): small blocks, and R > K
)

// Limits of a block's geometry.
const (
	// MaxSymbols is the largest K of any code: what 16 bits of header can say.
	MaxSymbols = 1<<16 - 1

	// maxLeopard16 bounds K+R of Leopard16. The field would allow 65536, but rebuilding
	// works on up to 2(K+R) symbols at once and geometry comes from packets: 8192 keeps the
	// work area of one rebuild below 64 MiB.
	maxLeopard16 = 8192

	// symbolUnit divides T: Leopard over GF(2^16) works on groups of 64 octets.
	symbolUnit = 64
)

// Errors of the codecs; decide with errors.Is.
var (
	ErrGeometry = errors.New("geometry the code does not have")      // Check, Codecs.Get
	ErrTooFew   = errors.New("too few symbols to rebuild the block") // Rebuild
	ErrSymbols  = errors.New("malformed symbols")                    // Encode, Rebuild: the caller's bug
)

var codeNames = [...]string{None: "none", Leopard8: "leopard8", Leopard16: "leopard16", Classic: "classic"}

// String is the code's name in configuration and reports.
func (c Code) String() string {
	if c < None || int(c) >= len(codeNames) {
		return fmt.Sprintf("code %d", uint8(c))
	}
	return codeNames[c]
}

// ParseCode is the reverse of Code.String for the four codes.
func ParseCode(name string) (Code, error) {
	for c := None; int(c) < len(codeNames); c++ {
		if codeNames[c] == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("no code %q: none, leopard8, leopard16 or classic", name)
}

// Check says whether a code has blocks of k source and r repair symbols. What it refuses
// with an [ErrGeometry] never reaches a library nor allocates anything. The rules:
//
//   - every code: 1 <= K <= 65535, and K+R <= 65536 so that each symbol has an ESI;
//   - none: R = 0. All others: R >= 1, so that a block has one description only;
//   - leopard8: with m the power of two at or above R, K rounded up to a multiple of m
//     plus m is at most 256: R <= 16 leaves K <= 240, R <= 32 K <= 224, R <= 64 K <= 192,
//     R <= 128 K <= 128. R may be larger than K;
//   - leopard16: K+R <= 8192;
//   - classic: K+R <= 256.
//
// Where K is legal, every smaller K is legal with the same R: the short blocks of a
// partition need no check of their own.
func Check(code Code, k, r int) error {
	if k < 1 || r < 0 || k > MaxSymbols || r > MaxSymbols || k+r > MaxSymbols+1 {
		return fmt.Errorf("%w: %v with K=%d R=%d", ErrGeometry, code, k, r)
	}
	legal := false
	switch code {
	case None:
		legal = r == 0
	case Leopard8:
		if legal = r >= 1 && r <= 128; legal {
			m := powerOfTwo(r)
			legal = (k+m-1)/m*m+m <= 256
		}
	case Leopard16:
		legal = r >= 1 && k+r <= maxLeopard16
	case Classic:
		legal = r >= 1 && k+r <= 256
	}
	if !legal {
		return fmt.Errorf("%w: %v with K=%d R=%d", ErrGeometry, code, k, r)
	}
	return nil
}

// powerOfTwo is the smallest power of two that is at least n, for n >= 1.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// Codec encodes and rebuilds the blocks of one geometry. Both methods take the K source
// symbols followed by the R repair symbols, are safe for concurrent use, and keep no
// reference to the symbols. T, the length of a symbol, is a positive multiple of 64 and
// may differ from call to call.
type Codec interface {
	// Encode computes symbols[K:] from symbols[:K]; all K+R have T octets. The error is
	// an ErrSymbols for any other shape.
	Encode(symbols [][]byte) error

	// Rebuild computes the missing source symbols. A missing symbol has length 0; if its
	// capacity is at least T it is rebuilt in that memory, otherwise in new memory, and
	// its slice in symbols is then T long. Missing repair symbols stay missing, present
	// symbols are not written. With fewer than K symbols present the error is an ErrTooFew
	// and nothing has changed; a wrong shape is an ErrSymbols.
	Rebuild(symbols [][]byte) error
}

// whole checks that symbols are k+r slices of one legal length.
func whole(symbols [][]byte, k, r int) error {
	present, lost, err := survey(symbols, k, r)
	if err == nil && (present != k+r || lost != 0) {
		err = fmt.Errorf("%w: %d of %d have length 0", ErrSymbols, k+r-present, k+r)
	}
	return err
}

// survey checks the shape of a block's symbols and counts those present and the source
// symbols lost. It returns ErrTooFew when fewer than k are present.
func survey(symbols [][]byte, k, r int) (present, lost int, err error) {
	if len(symbols) != k+r {
		return 0, 0, fmt.Errorf("%w: %d given, K+R is %d", ErrSymbols, len(symbols), k+r)
	}
	size := 0
	for i, s := range symbols {
		switch {
		case len(s) == 0:
			if i < k {
				lost++
			}
			continue
		case size == 0:
			size = len(s)
		case len(s) != size:
			return 0, 0, fmt.Errorf("%w: symbol %d has %d octets, another %d", ErrSymbols, i, len(s), size)
		}
		present++
	}
	if size%symbolUnit != 0 {
		return 0, 0, fmt.Errorf("%w: %d octets is not a multiple of %d", ErrSymbols, size, symbolUnit)
	}
	if present < k {
		return present, lost, fmt.Errorf("%w: %d of K=%d", ErrTooFew, present, k)
	}
	return present, lost, nil
}
