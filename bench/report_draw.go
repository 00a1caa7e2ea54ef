package bench

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// svg draws a figure as a document of its own, on white.
func (f *figure) svg(width float64) ([]byte, error) {
	w, h := f.size(width)
	canvas := vgsvg.New(w, h)
	if err := f.draw(canvas, width); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if _, err := canvas.WriteTo(&text); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.name, err)
	}
	return fontFamily.ReplaceAll(text.Bytes(), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;font-variant:none;")), nil
}

// png draws a figure with two pixels for each point.
func (f *figure) png(width float64) ([]byte, error) {
	w, h := f.size(width)
	canvas := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(144))
	if err := f.draw(canvas, width); err != nil {
		return nil, err
	}
	var image bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&image); err != nil {
		return nil, fmt.Errorf("draw %s: %w", f.name, err)
	}
	return image.Bytes(), nil
}

var (
	// The families have the widths that the drawing is laid out with.
	fontFamily = regexp.MustCompile(`font-family:[^;]*;font-variant:[^;]*;`)
	svgHead    = regexp.MustCompile(`(?s)^.*?<svg [^>]*viewBox="([^"]*)"[^>]*>`)
)

// inline is the SVG as an element of a page, in the page's colours.
func (f *figure) inline(width float64) (string, error) {
	text, err := f.svg(width)
	if err != nil {
		return "", err
	}
	head := svgHead.FindSubmatch(text)
	if head == nil {
		return "", fmt.Errorf("draw %s: the drawing has no <svg>", f.name)
	}
	body := string(text[len(head[0]):])
	swap := []string{hex(ink), "var(--ink)", hex(faint), "var(--faint)", hex(paper), "none", hex(asked), "var(--asked)"}
	for i, c := range colors {
		swap = append(swap, hex(c), fmt.Sprintf("var(--c%d)", i))
	}
	return fmt.Sprintf(`<svg viewBox="%s" aria-hidden="true">`, head[1]) + styleAttribute.ReplaceAllStringFunc(body, strings.NewReplacer(swap...).Replace), nil
}

// styleAttribute is where colours stand: not in texts, which come from files.
var styleAttribute = regexp.MustCompile(`style="[^"]*"`)

func hex(c interface{ RGBA() (r, g, b, a uint32) }) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)
}

// addBars puts parts end to end.
func (f *figure) addBars(p *plot.Plot, width float64) error {
	n := len(f.bars.names)
	thick := vg.Length(flatBar * 0.55)
	if !f.bars.flat {
		thick = vg.Length(min(0.6*(width-70)/float64(n), 28))
	}
	var below *plotter.BarChart
	highest := 0.0
	for i, part := range f.bars.parts {
		values := plotter.Values(part.values)
		if f.bars.flat { // the first bar goes on top, where reading begins
			values = slices.Clone(values)
			slices.Reverse(values)
		}
		chart, err := plotter.NewBarChart(values, thick)
		if err != nil {
			return err
		}
		chart.Color, chart.LineStyle.Width, chart.Horizontal = colorOf(i), 0, f.bars.flat
		if below != nil {
			chart.StackOn(below)
		}
		below = chart
		p.Add(chart)
		highest = max(highest, slices.Max(part.values))
	}
	if f.bars.flat {
		names := slices.Clone(f.bars.names)
		slices.Reverse(names)
		p.NominalY(names...)
		p.X.Min, p.Y.Min, p.Y.Max = 0, -0.5, float64(n)-0.5
		return nil
	}
	p.NominalX(thinned(f.bars.names, width)...)
	if f.logY {
		p.Y.Min, p.Y.Max = 0.5, max(2, highest*2)
	}
	return nil
}

// thinned leaves out names that would touch each other.
func thinned(names []string, width float64) []string {
	step := 1
	style := textStyle()
	for ; step < len(names); step++ {
		widest := vg.Length(0)
		for i := 0; i < len(names); i += step {
			widest = max(widest, style.Width(names[i]))
		}
		if (widest+6)*vg.Length(len(names)) < vg.Length(width-70)*vg.Length(step) {
			break
		}
	}
	out := make([]string, len(names))
	for i := 0; i < len(names); i += step {
		out[i] = names[i]
	}
	return out
}

// ticks are at round values, about as many as asked.
func ticks(about float64) plot.Ticker {
	return plot.TickerFunc(func(low, high float64) (all []plot.Tick) {
		step := roundStep((high - low) / about)
		if !(step > 0) {
			return []plot.Tick{{Value: low, Label: strconv.FormatFloat(low, 'g', 4, 64)}}
		}
		for n := math.Ceil(low/step - 1e-9); n*step <= high*(1+1e-9); n++ {
			value := n*step + 0 // no negative zero
			all = append(all, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'g', 6, 64)})
		}
		return all
	})
}

// roundStep is the least of 1, 2 and 5 times a power of ten that is not below step.
func roundStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, times := range []float64{1, 2, 5} {
		if times*power >= step*(1-1e-9) {
			return times * power
		}
	}
	return 10 * power
}

// logScale is logarithmic and takes what lies below the axis, as the foot of a bar does, for its end.
type logScale struct{}

// Normalize is of plot.Normalizer.
func (logScale) Normalize(low, high, x float64) float64 {
	return math.Log(max(x, low)/low) / math.Log(high/low)
}

// decades marks powers of ten on a logarithmic axis, at most seven with their names.
type decades struct{}

// Ticks is of plot.Ticker.
func (decades) Ticks(low, high float64) (all []plot.Tick) {
	first, last := int(math.Ceil(math.Log10(low)-1e-9)), int(math.Floor(math.Log10(high)+1e-9))
	step := (last-first)/7 + 1
	for e := first; e <= last; e += step {
		all = append(all, plot.Tick{Value: math.Pow(10, float64(e)), Label: power(e)})
	}
	return all
}

func power(e int) string {
	if e >= -3 && e <= 4 {
		return strconv.FormatFloat(math.Pow(10, float64(e)), 'f', -1, 64)
	}
	return "1e" + strconv.Itoa(e)
}
