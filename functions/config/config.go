// Package config carries a function's configuration between the provider, which sets environment
// variables, and the function, which reads them: one Go struct with `env:"NAME"` tags serves both.
// [Environ] is the exact inverse of [Load].
//
// Fields are string, int, bool, time.Duration, time.Time (RFC 3339) or []string, or embedded structs of
// such fields. A string may be any text. Elements of a list are separated by commas; a comma or a backslash
// within an element is written with a backslash before it; elements are never empty.
package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	intType      = reflect.TypeFor[int]()
	stringsType  = reflect.TypeFor[[]string]()
)

// Load reads the configuration T from environ (variable name → value). An error names each variable at fault.
func Load[T any](environ map[string]string) (T, error) {
	if environ == nil {
		environ = map[string]string{} // nil would make the library read the process's own environment.
	}
	loaded, err := env.ParseAsWithOptions[T](env.Options{
		Environment: environ,
		FuncMap: map[reflect.Type]env.ParserFunc{
			stringsType: splitList,
			// The library's own parser of int takes 32 bits.
			intType: func(value string) (any, error) { return strconv.Atoi(value) },
		},
	})
	if err != nil {
		return loaded, named(reflect.TypeFor[T](), err)
	}
	return loaded, nil
}

// Environ returns the environment (variable name → value) from which [Load] reads a configuration equal to
// cfg, a struct. Zero values of optional fields are left out. It panics on a field of a type that this
// package does not carry and on an empty element of a list: faults of the program, which its tests meet.
func Environ(cfg any) map[string]string {
	environ := map[string]string{}
	walk(reflect.ValueOf(cfg), func(tag tag, field reflect.Value) {
		if field.IsZero() && !tag.always {
			return
		}
		if field.Kind() == reflect.Slice && field.Len() == 0 {
			return
		}
		environ[tag.variable] = format(tag.variable, field)
	})
	return environ
}

// tag is what a field's struct tags say.
type tag struct {
	variable string
	always   bool // A zero value must be written: it is required, or would otherwise read as the default.
}

// walk visits the tagged fields of a struct in order, those of embedded structs included.
func walk(value reflect.Value, visit func(tag, reflect.Value)) {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		variable, options, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case variable != "":
			_, defaulted := field.Tag.Lookup("envDefault")
			required := strings.Contains(options, "required") && field.Type.Kind() != reflect.String && field.Type != timeType
			visit(tag{variable: variable, always: defaulted || required}, value.Field(i))
		case field.Anonymous && field.Type.Kind() == reflect.Struct:
			walk(value.Field(i), visit)
		}
	}
}

func format(variable string, field reflect.Value) string {
	switch field.Type() {
	case timeType:
		return field.Interface().(time.Time).UTC().Format(time.RFC3339Nano) //nolint:forcetypeassert // Its type was compared.
	case durationType:
		return field.Interface().(time.Duration).String() //nolint:forcetypeassert // Its type was compared.
	case stringsType:
		return joinList(variable, field.Interface().([]string)) //nolint:forcetypeassert // Its type was compared.
	}
	switch field.Kind() {
	case reflect.String:
		return field.String()
	case reflect.Int:
		return fmt.Sprint(field.Int())
	case reflect.Float64:
		return strconv.FormatFloat(field.Float(), 'g', -1, 64)
	case reflect.Bool:
		return fmt.Sprint(field.Bool())
	default:
		panic(fmt.Sprintf("config: %s has type %s, which no environment variable carries", variable, field.Type()))
	}
}

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

func joinList(variable string, elements []string) string {
	escaped := make([]string, len(elements))
	for i, element := range elements {
		if element == "" {
			panic(fmt.Sprintf("config: %s: element %d is empty", variable, i+1))
		}
		escaped[i] = escaper.Replace(element)
	}
	return strings.Join(escaped, ",")
}

func splitList(value string) (any, error) {
	var elements []string
	var element strings.Builder
	end := func() error {
		if element.Len() == 0 {
			return fmt.Errorf("element %d is empty", len(elements)+1)
		}
		elements = append(elements, element.String())
		element.Reset()
		return nil
	}
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && i+1 < len(value):
			i++
			element.WriteByte(value[i])
		case value[i] == ',':
			if err := end(); err != nil {
				return nil, err
			}
		default:
			element.WriteByte(value[i])
		}
	}
	if err := end(); err != nil {
		return nil, err
	}
	return elements, nil
}

// named says which variables are at fault: the library reports a value that it cannot parse by its field.
func named(config reflect.Type, err error) error {
	var aggregate env.AggregateError
	if !errors.As(err, &aggregate) {
		return fmt.Errorf("read configuration: %w", err)
	}
	var faults []error
	for _, fault := range aggregate.Errors {
		var parse env.ParseError
		var unset env.VarIsNotSetError
		var empty env.EmptyVarError
		switch {
		case errors.As(fault, &parse):
			faults = append(faults, fmt.Errorf("read environment variable %s: %w", variableOf(config, parse.Name), parse.Err))
		case errors.As(fault, &unset):
			faults = append(faults, fmt.Errorf("environment variable %s is not set", unset.Key))
		case errors.As(fault, &empty):
			faults = append(faults, fmt.Errorf("environment variable %s is empty", empty.Key))
		default:
			faults = append(faults, fmt.Errorf("read configuration: %w", fault))
		}
	}
	return errors.Join(faults...)
}

func variableOf(config reflect.Type, field string) string {
	found, ok := config.FieldByName(field)
	if !ok {
		return field
	}
	variable, _, _ := strings.Cut(found.Tag.Get("env"), ",")
	return variable
}
