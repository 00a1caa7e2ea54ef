package audit

import "fmt"

// MaxEngines is how many engines a verdict can name: more than a policy has checks.
const MaxEngines = 64

// Engine is what answered a check: a program, or our own code by its name. The version has that of its signatures and their date, where it has some.
type Engine struct {
	Check   string `json:"check"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// checkEngines refuses what names no engine.
func checkEngines(all []Engine) error {
	if len(all) > MaxEngines {
		return fmt.Errorf("%d engines, more than %d", len(all), MaxEngines)
	}
	for _, e := range all {
		if err := texts(e.Check, e.Name, e.Version); err != nil {
			return err
		}
		if e.Check == "" || e.Name == "" {
			return fmt.Errorf("an engine without a name or a check")
		}
	}
	return nil
}
