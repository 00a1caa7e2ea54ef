package check

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"pawl/receiver/check/inside"
)

// TypeRule says which types of content may pass, by what the content is and not by what it is called.
type TypeRule struct {
	Rule
	// Allow lists media types; "image/*" is all of a kind. What is not allowed is refused; an empty list refuses all but empty files.
	Allow []string `json:"allow"`
	// Deny lists media types that are refused also where they are a kind of an allowed one.
	Deny []string `json:"deny,omitempty"`
	// AnyExtension does not ask whether a file's name claims another type than its content has.
	AnyExtension bool `json:"any_extension,omitempty"`
}

// judge weighs a type, given with what it is a kind of: text/x-sh, text/plain, application/octet-stream.
func (r *TypeRule) judge(name string, types []string) error {
	switch {
	case len(types) == 0:
		return unable{errors.New("the checker named no type")}
	case types[0] == inside.Empty:
		return nil // no content, nothing that it could be instead
	}
	for _, t := range types {
		if ofType(r.Deny, t) {
			return fmt.Errorf("content is %s, which is denied", types[0])
		}
	}
	if !ofType(r.Allow, types[0]) {
		return fmt.Errorf("content is %s, which is not allowed", types[0])
	}
	ext := strings.ToLower(path.Ext(name))
	if want := claims[ext]; !r.AnyExtension && want != nil && !slices.Contains(want, types[0]) {
		return fmt.Errorf("type mismatch: called %s, but content is %s", ext, types[0])
	}
	return nil
}

func ofType(patterns []string, t string) bool {
	for _, p := range patterns {
		if kind, ok := strings.CutSuffix(p, "/*"); ok && strings.HasPrefix(t, kind+"/") || p == t {
			return true
		}
	}
	return false
}
