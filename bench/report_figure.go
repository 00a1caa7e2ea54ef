package bench

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A figure is one picture of a report. It is described once and drawn to SVG and PNG, wide and narrow.
type figure struct {
	name         string // of its files
	title, about string
	x, y         string // what the axes show, with units
	logX, logY   bool
	lines        []line
	bars         *bars
	level        float64 // a horizontal line at this height, "what is asked"; 0 for none
}

// line is points joined in their order. low and high, if there, are the ends of an error bar at each.
type line struct {
	label     string
	points    plotter.XYs
	low, high []float64
	dots      bool
}

// bars stand side by side, each with a name; the parts are put end to end in each.
type bars struct {
	names []string
	parts []part
	flat  bool // bars lie, so that long names have room
}

type part struct {
	label  string
	values []float64 // for each bar
}

// empty says that there is nothing to draw.
func (f *figure) empty() bool { return len(f.lines) == 0 && (f.bars == nil || len(f.bars.names) == 0) }

// The colours of a picture on paper. The page maps each to a variable, so that it follows light and dark.
var (
	ink    = color.RGBA{0x1b, 0x1f, 0x24, 0xff}
	faint  = color.RGBA{0xd5, 0xda, 0xe0, 0xff}
	paper  = color.RGBA{0xff, 0xff, 0xff, 0xff}
	asked  = color.RGBA{0xb4, 0x23, 0x18, 0xff}
	colors = []color.RGBA{
		{0x2a, 0x6f, 0xbb, 0xff}, {0xc9, 0x6a, 0x12, 0xff}, {0x2d, 0x8a, 0x4e, 0xff},
		{0x8b, 0x5b, 0xb5, 0xff}, {0x0f, 0x8b, 0x8d, 0xff}, {0x9a, 0x6b, 0x4f, 0xff},
	}
)

func colorOf(i int) color.RGBA { return colors[i%len(colors)] }

// Sizes of a picture in points, of 1/72 inch: the page shows one as a pixel or so.
const (
	wideWidth, narrowWidth   = 680, 330
	wideHeight, narrowHeight = 320, 270
	textSize                 = 11
	keyHeight                = 17 // of one row of the key above the picture
	flatBar                  = 30 // height that a bar that lies takes, with its gap
)

// size is what a figure takes at a width, the key included.
func (f *figure) size(width float64) (w, h vg.Length) {
	height := float64(wideHeight)
	if width <= narrowWidth {
		height = narrowHeight
	}
	if f.bars != nil && f.bars.flat {
		height = flatBar*float64(len(f.bars.names)) + 60
	}
	return vg.Length(width), vg.Length(height) + f.headHeight(width)
}

// headHeight is what the key and the name of the vertical axis take above the plot.
func (f *figure) headHeight(width float64) vg.Length {
	rows := len(f.keyRows(width))
	if f.y != "" {
		rows++
	}
	return vg.Length(keyHeight * rows)
}

// draw draws the figure on a canvas of its size.
func (f *figure) draw(canvas vg.CanvasSizer, width float64) error {
	p, err := f.plot(width)
	if err != nil {
		return fmt.Errorf("draw %s: %w", f.name, err)
	}
	whole := draw.New(canvas)
	whole.SetColor(paper)
	whole.Fill(whole.Rectangle.Path())
	rows := f.keyRows(width)
	for i, row := range rows {
		f.drawKey(whole, row, whole.Max.Y-vg.Length(keyHeight*(i+1))+4)
	}
	if f.y != "" {
		whole.FillText(textStyle(), vg.Point{X: 4, Y: whole.Max.Y - vg.Length(keyHeight*(len(rows)+1)) + 6}, f.y)
	}
	p.Draw(draw.Crop(whole, 2, -14, 2, -f.headHeight(width)))
	return nil
}

// key is what the colours mean.
func (f *figure) key() (labels []string) {
	for _, l := range f.lines {
		labels = append(labels, l.label)
	}
	if f.bars != nil && len(f.bars.parts) > 1 {
		for _, p := range f.bars.parts {
			labels = append(labels, p.label)
		}
	}
	if len(labels) == 1 && labels[0] == "" {
		return nil
	}
	return labels
}

// keyEntry is one label of the key: its place from the left and its colour.
type keyEntry struct {
	at    vg.Length
	label string
	color int
}

// keyRows breaks the key into rows that fit a width.
func (f *figure) keyRows(width float64) (rows [][]keyEntry) {
	style := textStyle()
	at := vg.Length(math.Inf(1))
	for i, label := range f.key() {
		needs := style.Width(label) + 26
		if at+needs > vg.Length(width)-10 {
			rows, at = append(rows, nil), 10
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], keyEntry{at, label, i})
		at += needs
	}
	return rows
}

func (f *figure) drawKey(c draw.Canvas, row []keyEntry, y vg.Length) {
	for _, e := range row {
		c.SetColor(colorOf(e.color))
		c.Fill(vg.Rectangle{Min: vg.Point{X: e.at, Y: y}, Max: vg.Point{X: e.at + 9, Y: y + 9}}.Path())
		c.FillText(textStyle(), vg.Point{X: e.at + 13, Y: y}, e.label)
	}
}

func textStyle() draw.TextStyle {
	return draw.TextStyle{Color: ink, Font: sans(textSize), Handler: plot.DefaultTextHandler}
}

func sans(size font.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// plot is everything below the key.
func (f *figure) plot(width float64) (*plot.Plot, error) {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	p.X.Label.Text = f.x // that of y stands above, where it is read without turning the head
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Color, a.Label.TextStyle.Color, a.Tick.Color, a.Tick.Label.Color = ink, ink, ink, ink
		a.Label.TextStyle.Font, a.Tick.Label.Font = sans(textSize), sans(textSize-1)
		a.LineStyle.Width, a.Tick.Width = 0.7, 0.7
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(max(width/110, 4)), ticks(5)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	grid.Vertical.Width, grid.Horizontal.Width = 0.5, 0.5
	p.Add(grid)
	if f.logX {
		p.X.Scale, p.X.Tick.Marker = logScale{}, decades{}
	}
	if f.logY {
		p.Y.Scale, p.Y.Tick.Marker = logScale{}, decades{}
	}
	if f.bars != nil {
		return p, f.addBars(p, width)
	}
	if err := f.addLines(p); err != nil {
		return nil, err
	}
	if f.level > 0 {
		at, err := plotter.NewLine(plotter.XYs{{X: p.X.Min, Y: f.level}, {X: p.X.Max, Y: f.level}})
		if err != nil {
			return nil, err
		}
		at.Color, at.Width, at.Dashes = asked, 1, []vg.Length{4, 3}
		p.Add(at)
	}
	return p, nil
}

func (f *figure) addLines(p *plot.Plot) error {
	for i, l := range f.lines {
		drawn, dots, err := plotter.NewLinePoints(l.points)
		if err != nil {
			return err
		}
		drawn.Color, drawn.Width = colorOf(i), 1.6
		p.Add(drawn)
		if l.dots {
			dots.Color, dots.Shape, dots.Radius = colorOf(i), draw.CircleGlyph{}, 2.6
			p.Add(dots)
		}
		for n, at := range l.points {
			if l.low == nil || l.low[n] == l.high[n] {
				continue
			}
			spread, err := plotter.NewLine(plotter.XYs{{X: at.X, Y: l.low[n]}, {X: at.X, Y: l.high[n]}})
			if err != nil {
				return err
			}
			spread.Color, spread.Width = colorOf(i), 1
			p.Add(spread)
		}
	}
	if !f.logY {
		p.Y.Min = 0
		if p.Y.Max *= 1.05; p.Y.Max <= 0 {
			p.Y.Max = 1
		}
	}
	switch {
	case p.X.Min != p.X.Max:
	case f.logX:
		p.X.Min, p.X.Max = p.X.Min/2, p.X.Max*2
	default:
		p.X.Min, p.X.Max = p.X.Min-0.5, p.X.Max+0.5
	}
	return nil
}
