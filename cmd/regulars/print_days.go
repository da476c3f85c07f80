package main

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"strings"

	"regulars/internal/loyalty"
)

// withDates is a value for JSON in which each day stands as 2027-06-21. Rows and files
// of ours keep days as numbers; people and their scripts read them here.
func withDates(v any) any { return dated(reflect.ValueOf(v)) }

var dayType, marshaler, textMarshaler = reflect.TypeFor[loyalty.Day](), reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()

func dated(v reflect.Value) any {
	switch {
	case !v.IsValid():
		return nil
	case v.Type() == dayType:
		return v.Interface().(loyalty.Day).String()
	case v.Type().Implements(marshaler), v.Type().Implements(textMarshaler):
		return v.Interface()
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return dated(v.Elem())
	case reflect.Slice:
		if v.IsNil() || v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Interface()
		}
		all := make([]any, v.Len())
		for i := range all {
			all[i] = dated(v.Index(i))
		}
		return all
	case reflect.Map:
		if v.IsNil() || v.Type().Key().Kind() != reflect.String {
			return v.Interface()
		}
		all := map[string]any{}
		for key, item := range v.Seq2() {
			all[key.String()] = dated(item)
		}
		return all
	case reflect.Struct:
		return members(v, map[string]bool{})
	}
	return v.Interface()
}

// object is a struct on its way to JSON, its fields in their order.
type object []member

type member struct {
	name  string
	value any
}

// members are the fields of a struct, by the rules of encoding/json; those of embedded
// ones are left out where an outer one has their name.
func members(v reflect.Value, outer map[string]bool) (all object) {
	names := map[string]bool{}
	for name := range outer {
		names[name] = true
	}
	for f := range v.Fields() {
		if name, _, embedded := named(f); name != "" && !embedded {
			names[name] = true
		}
	}
	for f, field := range v.Fields() {
		name, options, embedded := named(f)
		switch {
		case embedded:
			if field = reflect.Indirect(field); field.IsValid() {
				all = append(all, members(field, names)...)
			}
		case name == "" || outer[name]:
		case strings.Contains(options, "omitempty") && emptyJSON(field), strings.Contains(options, "omitzero") && isZero(field):
		default:
			all = append(all, member{name, dated(field)})
		}
	}
	return all
}

// named is what a field is called in JSON, "" where it is left out, and whether its own
// fields stand in its place.
func named(f reflect.StructField) (name, options string, embedded bool) {
	name, options, _ = strings.Cut(f.Tag.Get("json"), ",")
	switch {
	case f.Tag.Get("json") == "-":
		return "", "", false
	case f.Anonymous && name == "" && (f.Type.Kind() == reflect.Struct || f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct):
		return "", "", true
	case !f.IsExported():
		return "", "", false
	case name == "":
		name = f.Name
	}
	return name, options, false
}

func emptyJSON(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func isZero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

// MarshalJSON is of json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
