package console

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"rsc.io/qr"
)

const (
	evidenceTime = 5 * time.Minute
	maxEvidence  = 64 << 20 // octets; larger ones are made by pawl-release evidence
)

// limitedBuffer is a file in memory with an end.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxEvidence {
		return 0, errors.New("evidence is too large for the console: use pawl-release evidence")
	}
	return b.Buffer.Write(p)
}

func spool(write func(*limitedBuffer) error) ([]byte, error) {
	b := new(limitedBuffer)
	err := write(b)
	return b.Bytes(), err
}

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

// chart is a small line of values, drawn by the server: no script, no style.
type chart struct {
	Title string     `json:"title"`
	Unit  string     `json:"unit"`
	Step  float64    `json:"step_s"`
	Now   string     `json:"now"`    // the newest value, for people
	Top   string     `json:"top"`    // the greatest
	Value []*float64 `json:"values"` // oldest first; null where nothing is known

	Lines []string `json:"-"` // points of polylines, between what is not known
}

// Size of a chart in its own units.
const (
	chartWidth  = 600
	chartHeight = 80
)

// plot makes a chart of samples; value says what of one is drawn, and whether it is known.
func plot(title, unit string, all []sample, value func(*sample) (float64, bool), show func(float64) string) chart {
	c := chart{Title: title, Unit: unit, Value: make([]*float64, len(all)), Now: "unknown", Top: "unknown"}
	top, known := 0.0, false
	for i := range all {
		if all[i].seconds == 0 {
			continue
		}
		if v, ok := value(&all[i]); ok {
			c.Value[i] = &v
			top, known = max(top, v), true
		}
	}
	if known {
		c.Top = show(top)
	}
	if n := len(all); n > 0 && c.Value[n-1] != nil {
		c.Now = show(*c.Value[n-1])
	}
	if top == 0 {
		top = 1
	}
	var line strings.Builder
	flush := func() {
		if line.Len() > 0 {
			c.Lines = append(c.Lines, line.String())
			line.Reset()
		}
	}
	for i, v := range c.Value {
		if v == nil {
			flush()
			continue
		}
		x := float64(i) * chartWidth / float64(max(1, len(all)-1))
		fmt.Fprintf(&line, "%.1f,%.1f ", x, chartHeight-2-*v/top*(chartHeight-6))
	}
	flush()
	return c
}
