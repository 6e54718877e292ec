// Package schema holds values against JSON Schema (drafts 4 to 2020-12). Schemas refer to nothing outside of themselves.
package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema is one that was read.
type Schema struct{ compiled *jsonschema.Schema }

// nowhere refuses what a schema refers to.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s: write what is meant into the schema itself", url)
}

const root = "schema:///it"

// Read reads a schema.
func Read(text string) (*Schema, error) {
	plain, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("the schema is no JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(nowhere{})
	c.AssertFormat()
	if err := c.AddResource(root, plain); err != nil {
		return nil, fmt.Errorf("the schema cannot be used: %w", err)
	}
	compiled, err := c.Compile(root)
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be used: %s", told(err))
	}
	return &Schema{compiled}, nil
}

// Check holds a value, as encoding/json knows it with numbers as json.Number, against the schema. The error has a line for each fault.
func (s *Schema) Check(value any) error {
	err := s.compiled.Validate(value)
	if err == nil {
		return nil
	}
	return errors.New(told(err))
}

// told is what people need of an error: where, and what is wrong there.
func told(err error) string {
	var invalid *jsonschema.ValidationError
	var schemaInvalid *jsonschema.SchemaValidationError
	if errors.As(err, &schemaInvalid) {
		err = schemaInvalid.Err
	}
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	printer := message.NewPrinter(language.English)
	var lines []string
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		_, group := e.ErrorKind.(*kind.Group)
		if len(e.Causes) == 0 && !group {
			where := "/" + strings.Join(e.InstanceLocation, "/")
			if where == "/" {
				where = "the value"
			}
			lines = append(lines, where+": "+e.ErrorKind.LocalizedString(printer))
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(invalid)
	return strings.Join(lines, "; ")
}
