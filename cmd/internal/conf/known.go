package conf

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// unknown says that a key is unknown and what was probably meant: a key of the
// same table that is spelt nearly so, else where the same key is.
func unknown(key []string, root reflect.Type) error {
	if len(key) == 0 {
		return ErrUnknownKey
	}
	last := key[len(key)-1]
	table := root
	for i, part := range key[:len(key)-1] {
		if table = field(table, part); table == nil {
			last = part // the table itself is unknown
			table = tableAt(root, key[:i])
			break
		}
	}
	if near := nearest(last, names(table)); near != "" {
		return fmt.Errorf("%w, did you mean %q?", ErrUnknownKey, near)
	}
	if all := homes(root, last, nil); len(all) > 0 {
		return fmt.Errorf("%w, %q belongs in %s", ErrUnknownKey, last, strings.Join(all, ", "))
	}
	return ErrUnknownKey
}

// tableAt is the type at a key, nil if there is none.
func tableAt(root reflect.Type, key []string) reflect.Type {
	for _, part := range key {
		root = field(root, part)
	}
	return root
}

// elem strips pointers and lists: [[channel]] is a list of tables.
func elem(t reflect.Type) reflect.Type {
	for t != nil && (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) {
		t = t.Elem()
	}
	return t
}

// names lists the keys of a table's struct, sorted.
func names(t reflect.Type) []string {
	t = elem(t)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var all []string
	for _, f := range reflect.VisibleFields(t) {
		if name := keyOf(f); name != "" {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// keyOf is the TOML key of a struct field, "" if it has none.
func keyOf(f reflect.StructField) string {
	if !f.IsExported() || f.Anonymous {
		return ""
	}
	name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	switch name {
	case "-":
		return ""
	case "":
		return strings.ToLower(f.Name)
	}
	return name
}

// field is the type of a table's key, nil if there is no such key.
func field(t reflect.Type, key string) reflect.Type {
	t = elem(t)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if strings.EqualFold(keyOf(f), key) {
			return f.Type
		}
	}
	return nil
}

// homes are the dotted names of the tables below root that have the key, in their order.
// Depth is bounded so that a recursive type ends.
func homes(root reflect.Type, key string, at []string) (found []string) {
	for _, name := range names(root) {
		if len(at) > 0 && name == key {
			found = append(found, "["+strings.Join(at, ".")+"]")
		}
	}
	if len(at) == 4 {
		return found
	}
	for _, name := range names(root) {
		found = append(found, homes(field(root, name), key, append(at[:len(at):len(at)], name))...)
	}
	return found
}
