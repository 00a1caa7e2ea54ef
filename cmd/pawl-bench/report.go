package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pawl/bench"
	"pawl/cmd/internal/cli"
)

// reportCommand is "pawl-bench report".
func reportCommand(env *cli.Env) *cobra.Command {
	var output, svg, png string
	var strict bool
	cmd := &cobra.Command{
		Use:   "report RESULT.json...",
		Short: "Make one page with plots of result files, and pictures",
		Long: `report reads what codec, link, transfer and calibrate wrote with --json and makes one HTML page that needs
nothing else: the machines, each figure beside its bar, goodput against loss, CPU per GB by program, loss over
time, bursts, the failure probability that is left, and all figures. A plot for which the files have nothing is
left out.`,
		Example: `  pawl-bench report transfer.json calibrate.json -o report.html
  pawl-bench report transfer.json -o report.html --png pictures --svg pictures
  pawl-bench report transfer.json --strict -o report.html     # exit code 1 if a bar is missed or has too few runs: for CI`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			if output == "" && svg == "" && png == "" && !strict {
				return cli.Usagef("name at least one of -o, --svg, --png and --strict")
			}
			results := make([]*bench.Result, len(files))
			for i, file := range files {
				var err error
				if results[i], err = bench.LoadAny(file); err != nil {
					return err
				}
			}
			report := bench.NewReport(files, results)
			if err := writeReport(env, report, output, svg, png); err != nil {
				return err
			}
			if output != "-" {
				if err := report.WriteBars(env.Stdout); err != nil {
					return err
				}
			}
			if missed, few := report.Count(bench.Missed), report.Count(bench.Few); strict && missed+few > 0 {
				return fmt.Errorf("%d figures miss their bars, %d come from too few runs", missed, few)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&output, "output", "o", "", "write the page to `FILE`, - for standard output")
	flags.StringVar(&svg, "svg", "", "write each plot as SVG to `DIR`")
	flags.StringVar(&png, "png", "", "write each plot as PNG to `DIR`")
	flags.BoolVar(&strict, "strict", false, "end with 1 if a figure misses its bar or comes from too few runs")
	return cmd
}

func writeReport(env *cli.Env, report *bench.Report, output, svg, png string) error {
	if output != "" {
		var page bytes.Buffer
		err := report.WriteHTML(&page)
		switch {
		case err != nil:
		case output == "-":
			_, err = env.Stdout.Write(page.Bytes())
		default:
			err = os.WriteFile(output, page.Bytes(), 0o644)
		}
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	if svg != "" {
		if err := report.SaveSVG(svg); err != nil {
			return err
		}
	}
	if png == "" {
		return nil
	}
	return report.SavePNG(png)
}
