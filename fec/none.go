package fec

// noneCodec is the code with no repair symbols, K of them.
type noneCodec int

func (k noneCodec) Encode(symbols [][]byte) error { return whole(symbols, int(k), 0) }

func (k noneCodec) Rebuild(symbols [][]byte) error {
	_, _, err := survey(symbols, int(k), 0)
	return err
}
