package conf

import (
	"reflect"
	"slices"
)

// Keys are the dotted keys of a configuration's struct, sorted, down to the values: a list of tables is entered too, so that
// the key of [[channel]] name is "channel.name".
func Keys(config any) []string {
	var all []string
	walk(reflect.TypeOf(config), "", func(key string) { all = append(all, key) })
	slices.Sort(all)
	return all
}

// walk visits the values below a table.
func walk(t reflect.Type, at string, visit func(key string)) {
	for _, name := range names(t) {
		inner, key := elem(field(t, name)), at+name
		if len(names(inner)) > 0 {
			walk(inner, key+".", visit)
			continue
		}
		visit(key)
	}
}

// Changed are the dotted keys in which two configurations of one struct differ, in the struct's order. Lists of tables are
// compared whole: of two that differ the key is that of the list, as in "channel".
func Changed(a, b any) []string {
	return changed(reflect.ValueOf(a), reflect.ValueOf(b), "")
}

func changed(a, b reflect.Value, at string) (all []string) {
	for a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil() {
		a, b = a.Elem(), b.Elem()
	}
	if a.Kind() != reflect.Struct {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			return []string{at}
		}
		return nil
	}
	for _, f := range reflect.VisibleFields(a.Type()) {
		name := keyOf(f)
		if name == "" {
			continue
		}
		if at != "" {
			name = at + "." + name
		}
		all = append(all, changed(a.FieldByIndex(f.Index), b.FieldByIndex(f.Index), name)...)
	}
	return all
}
