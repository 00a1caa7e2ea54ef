package console

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// drawing is black squares on a page, as one path of SVG.
type drawing struct {
	Size int // width and height, border included, in modules
	Path string
}

// quiet is the white border that a QR code needs, in modules (ISO/IEC 18004).
const quiet = 4

// draw makes a QR code of a text.
func draw(text string) (drawing, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return drawing{}, fmt.Errorf("draw ticket: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return drawing{code.Size + 2*quiet, path.String()}, nil
}
