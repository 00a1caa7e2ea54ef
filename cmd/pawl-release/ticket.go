package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"rsc.io/qr"

	"pawl/cmd/internal/cli"
	"pawl/framing/ticket"
	"pawl/receiver/audit"
	"pawl/receiver/quarantine"
)

func ticketCommand(env *cli.Env) *cobra.Command {
	var path, png string
	var part int
	var asQR bool
	cmd := &cobra.Command{
		Use:   "ticket ID",
		Short: "Print the repair ticket of an incomplete transfer",
		Long: `Ticket prints a short text that names the blocks which an incomplete transfer lacks. A person carries it to the
low side and types it into "pawl-send repair", which sends just those blocks again. Each group of five characters
is checked by itself, so a typing error is refused with its place; case and spaces do not matter.

A ticket is information that goes from the high side to the low side: it is bounded, and that it was printed is
written into the transfer's history with the number of its bits. When one can't name all blocks there are several,
each good by itself: --part prints another than the first.`,
		Example: `  pawl-release ticket 1-019a2b3c4d5e6f70
  pawl-release ticket 1-019a --qr
  pawl-release ticket 1-019a --part 2 --png ticket.png`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if part < 1 {
				return cli.Usagef("parts are counted from 1")
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			store, err := quarantine.View(c.Quarantine)
			if err != nil {
				return err
			}
			k, err := c.issue(store, args[0], part, osUser(), c.enter)
			if err != nil {
				return err
			}
			return k.write(env, asQR, png)
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().IntVar(&part, "part", 1, "which ticket `N`, when it takes several")
	cmd.Flags().BoolVar(&asQR, "qr", false, "draw it as a QR code too")
	cmd.Flags().StringVar(&png, "png", "", "write it as a QR code to `FILE` too, which must not be there")
	return cmd
}

// issued is a ticket as it is printed.
type issued struct {
	id          quarantine.ID
	text        string
	part, parts int
	what        string // that it asks for
	bits        int
}

// enterer makes an entry in the audit log in the name of whoever is served.
type enterer func(audit.Body) error

// issue makes the ticket of a transfer for somebody and records it.
func (c *config) issue(store *quarantine.Store, name string, part int, who string, enter enterer) (*issued, error) {
	id, st, err := resolve(store, name)
	if err != nil {
		return nil, err
	}
	if st != quarantine.Incomplete {
		return nil, fmt.Errorf("transfer %s is %s: only an incomplete one has a ticket", id, st)
	}
	// What is read is what is recorded, unless it moves on meanwhile: then the record fails and no ticket is shown.
	missing, err := quarantine.ReadMissing(store.Dir(st, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("transfer %s has no list of missing blocks: it is being moved, look again", id)
	}
	if err != nil {
		return nil, err
	}
	whole, err := needs(id, missing)
	if err != nil {
		return nil, err
	}
	parts, err := ticket.Cover(whole)
	if err != nil {
		return nil, err
	}
	if part > len(parts) {
		return nil, fmt.Errorf("transfer %s: ticket %d: there are %d", id, part, len(parts))
	}
	k := &issued{id: id, part: part, parts: len(parts), what: asks(parts[part-1], missing)}
	if k.text, err = parts[part-1].Text(); err != nil {
		return nil, err
	}
	if k.bits, err = parts[part-1].Bits(); err != nil {
		return nil, err
	}
	// Entered before anybody sees it: what the log does not tell of is not shown.
	if err := enter(&audit.Ticket{Transfer: id.String(), Bits: uint64(k.bits), Text: k.text}); err != nil {
		return nil, err
	}
	return k, store.Record(id, st, quarantine.Event{
		Who: who, From: st, To: st,
		Reason: fmt.Sprintf("repair ticket %d of %d issued, %d bits from high to low: %s", k.part, k.parts, k.bits, k.what),
	})
}

// write prints the ticket; the text alone goes where a pipe reads.
func (k *issued) write(env *cli.Env, asQR bool, png string) error {
	code, err := qr.Encode(k.text, qr.M)
	if err != nil {
		return fmt.Errorf("draw ticket: %w", err)
	}
	if png != "" {
		if err := writeNew(png, code.PNG()); err != nil {
			return fmt.Errorf("draw ticket: %w", err)
		}
	}
	of := "repair ticket"
	if k.parts > 1 {
		of = fmt.Sprintf("repair ticket %d of %d (the others: --part)", k.part, k.parts)
	}
	fmt.Fprintf(env.Stderr, "%s for %s: %s; %d bits\non the low side: pawl-send repair TICKET\n", of, k.id, k.what, k.bits)
	if _, err := fmt.Fprintln(env.Stdout, k.text); err != nil || !asQR {
		return err
	}
	return drawQR(env.Stdout, code)
}

// writeNew makes a file that holds data; one that is there is not touched.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// quiet is the white border that a QR code needs, in modules (ISO/IEC 18004).
const quiet = 4

// drawQR draws a code with half blocks, two modules above each other in a character. White is drawn and black left out, as
// terminals are dark; readers take both.
func drawQR(w io.Writer, code *qr.Code) error {
	white := func(x, y int) int {
		if x < 0 || y < 0 || x >= code.Size || y >= code.Size || !code.Black(x, y) {
			return 1
		}
		return 0
	}
	for y := -quiet; y < code.Size+quiet; y += 2 {
		line := make([]rune, 0, code.Size+2*quiet)
		for x := -quiet; x < code.Size+quiet; x++ {
			line = append(line, [4]rune{' ', '▀', '▄', '█'}[white(x, y)|white(x, y+1)<<1])
		}
		if _, err := fmt.Fprintln(w, string(line)); err != nil {
			return err
		}
	}
	return nil
}

// asks says in words what a ticket asks for.
func asks(t *ticket.Ticket, m *quarantine.Missing) string {
	text := ""
	for _, n := range t.Needs() {
		if n.Need.None() {
			continue
		}
		if text != "" {
			text += ", "
		}
		if n.Need.Whole {
			text += "the whole " + n.Object.String()
			continue
		}
		text += fmt.Sprintf("%s blocks of the %v", humanize.Comma(int64(n.Need.Blocks())), n.Object)
		for _, o := range m.Objects {
			if o.Object == n.Object.String() {
				text += " of " + humanize.Comma(int64(o.Blocks))
			}
		}
	}
	return text
}
