package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pawl/cmd/internal/cli"
	"pawl/framing"
	"pawl/receiver/quarantine"
)

// Widths of the low side's words in a table, in characters.
const (
	nameWidth   = 32
	reasonWidth = 72
)

func listCommand(env *cli.Env) *cobra.Command {
	var path string
	var states []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the transfers in quarantine",
		Long: `List shows the transfers in quarantine in the order of their states. Names and sizes are what the sender says
until a transfer is held or released.

With --json each line is one transfer as a JSON object.`,
		Example: `  pawl-release list
  pawl-release list --state held --state rejected
  pawl-release list --json | jq -r 'select(.state == "held") | .id'`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			chosen, err := parseStates(states)
			if err != nil {
				return err
			}
			c, err := load(path)
			if err != nil {
				return err
			}
			store, err := quarantine.View(c.Quarantine)
			if err != nil {
				return err
			}
			found, err := c.all(store, chosen)
			if err != nil {
				return err
			}
			if asJSON {
				return writeLines(env.Stdout, found)
			}
			return writeTable(env.Stdout, found, time.Now())
		},
	}
	configFlag(cmd, &path)
	cmd.Flags().StringSliceVar(&states, "state", nil, "only transfers in `STATE`; may be repeated")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line")
	return cmd
}

// parseStates reads the states of --state; none means all.
func parseStates(texts []string) ([]quarantine.State, error) {
	if len(texts) == 0 {
		return quarantine.States(), nil
	}
	var states []quarantine.State
	for _, text := range texts {
		st := quarantine.State(text)
		if !st.Valid() {
			return nil, cli.Usagef("%.40q is not a state: write %s", text, stateNames())
		}
		states = append(states, st)
	}
	return states, nil
}

// stateNames lists the states for people: "incoming, complete or held".
func stateNames() string {
	var names []string
	for _, st := range quarantine.States() {
		names = append(names, string(st))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

func writeLines(w io.Writer, found []*transfer) error {
	out := json.NewEncoder(w)
	for _, t := range found {
		if err := out.Encode(t); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(w io.Writer, found []*transfer, now time.Time) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "ID\tSTATE\tCHANNEL\tNAME\tSIZE\tFILES\tAGE\tREASON")
	for _, t := range found {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.State, framing.Printable(t.Label, nameWidth),
			known(framing.Printable(t.Name, nameWidth)), size(t.Bytes), count(t.Files), age(now.Sub(t.Since)), framing.Printable(t.Reason, reasonWidth))
	}
	return out.Flush()
}

// known writes a hyphen where nothing is known.
func known(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func size(bytes *uint64) string {
	if bytes == nil {
		return "-"
	}
	return humanize.IBytes(*bytes)
}

func count(n *uint64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatUint(*n, 10)
}

// age writes a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s" // the clock was set back
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
