// Package conf reads a program's configuration: one TOML file into one plain
// struct, strictly. A key that the struct does not have is an error, because a
// typo that silently means the default is how a diode ends up with the wrong
// loss rate. Every error names the file, the line and the key, and draws the
// place:
//
//	send.toml:3: link.rat: unknown key, did you mean "rate"?
//	1| [link]
//	2| mtu = 1500
//	3| rat = "1Gbit/s"
//	 | ~~~
//
// Values with a unit have types here ([Size], [Rate], [Percent], [Duration]) that
// write themselves back in the form they are read in.
package conf

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// ErrUnknownKey is wrapped by errors about keys that the configuration does not have.
var ErrUnknownKey = errors.New("unknown key")

// Load reads the TOML file at path into the struct that into points to. Keys that
// the file leaves out keep the value they have in into, so defaults are set before
// Load. All unknown keys are reported, not only the first.
func Load(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	return parse(path, text, into)
}

func parse(path string, text []byte, into any) error {
	root := reflect.TypeOf(into)
	if err := checkBare(path, text, root); err != nil {
		return err
	}
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(into)
	if err == nil {
		return nil
	}
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		all := make([]error, len(strict.Errors))
		for i := range strict.Errors {
			at := &strict.Errors[i]
			all[i] = locate(path, text, at, unknown(at.Key(), root))
		}
		return errors.Join(all...)
	}
	var at *toml.DecodeError
	if errors.As(err, &at) {
		return locate(path, text, at, plain(at, root))
	}
	return fmt.Errorf("%s: %w", path, err)
}

var mismatch = regexp.MustCompile(`^cannot decode TOML (\w+) into `)

// plain is the decoder's message in the words of someone who writes TOML, not Go.
func plain(at *toml.DecodeError, root reflect.Type) error {
	message := strings.TrimPrefix(at.Error(), "toml: ")
	if m := mismatch.FindStringSubmatch(message); m != nil {
		if t := tableAt(root, at.Key()); t != nil {
			return fmt.Errorf("want %s, found %s", kindName(t), m[1])
		}
	}
	return errors.New(message)
}

func kindName(t reflect.Type) string {
	if v, ok := reflect.New(t).Interface().(interface{ kind() string }); ok {
		return v.kind()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Pointer, reflect.Map:
		return "a table"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
