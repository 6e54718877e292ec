package provider_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/burstline/terraform-provider-serverless/internal/bundle"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/provider"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// smallBundle is functions that are small enough to be uploaded in no time.
// They are never called.
type smallBundle struct{ text string }

var _ composite.Bundles = smallBundle{}

func (s smallBundle) zip() []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("bootstrap")
	if err == nil {
		_, err = f.Write([]byte("#!/bin/sh\n# " + s.text + "\n"))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err) // writing to memory cannot fail
	}
	return b.Bytes()
}

func (s smallBundle) SHA256(context.Context, string, string) (string, error) {
	return bundle.Digest(s.zip()), nil
}

func (s smallBundle) Content(_ context.Context, sha256 string) ([]byte, error) {
	if sha256 != bundle.Digest(s.zip()) {
		return nil, fmt.Errorf("there are no functions with SHA-256 %s", sha256)
	}
	return s.zip(), nil
}

// deadProcess is the holder of claims of a process of this machine that is no
// more.
func deadProcess(t *testing.T) deploy.Holder {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	h := deploy.Self()
	h.Who, h.PID = "a process that was killed", cmd.Process.Pid
	return h
}

// memory is what Terraform core keeps of one resource between commands.
type memory struct {
	state    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
	tainted  bool
}

// session is one provider process as Terraform core drives it, for one
// resource. Its methods do what core does around each call, and fail the test
// where core would call the provider inconsistent.
type session struct {
	t        *testing.T
	server   tfprotov6.ProviderServer
	typeName string
	schema   *tfprotov6.Schema
	object   tftypes.Type
	*memory
}

// options of a session beside the provider's configuration.
type options struct {
	system  string
	bundles composite.Bundles
	holder  *deploy.Holder
	// memory of an earlier session; nil for none.
	memory *memory
}

// madeUp are systems that the providers of sessions have beside the registered
// ones, for what none of these does.
var madeUp = []systems.System{{System: clock, Resource: clockResource}}

// withMadeUp is a provider that has them.
type withMadeUp struct{ fwprovider.Provider }

func (p withMadeUp) Resources(ctx context.Context) []func() resource.Resource {
	all := p.Provider.Resources(ctx)
	for _, system := range madeUp {
		all = append(all, func() resource.Resource { return system.Resource() })
	}
	return all
}

// newSession starts and configures a provider.
func newSession(t *testing.T, a account, o options, more map[string]any) *session {
	t.Helper()
	holder := deploy.Self()
	if o.holder != nil {
		holder = *o.holder
	}
	if o.bundles == nil {
		o.bundles = smallBundle{"one"}
	}
	s := &session{t: t, typeName: "serverless_" + o.system, memory: o.memory}
	s.server = police(providerserver.NewProtocol6(withMadeUp{provider.NewAs("1.2.3", o.bundles, holder)()})())
	schemas, err := s.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	s.must(schemas.Diagnostics, err)
	s.schema = schemas.ResourceSchemas[s.typeName]
	s.object = s.schema.ValueType()
	if s.memory == nil {
		s.memory = &memory{state: tftypes.NewValue(s.object, nil)}
	}
	config := map[string]any{
		"region": home, "endpoint": local.Endpoint(), "access_key": a.deployer().key, "secret_key": a.deployer().secret,
		"max_retries": 5,
	}
	maps.Copy(config, more)
	configured, err := s.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.13.0", Config: s.dynamic(fill(t, schemas.Provider.Block, config)),
	})
	s.must(configured.Diagnostics, err)
	return s
}

// must fails the test on any error.
func (s *session) must(diags []*tfprotov6.Diagnostic, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	if text := failure(diags); text != "" {
		s.t.Fatal(text)
	}
}

// failure renders the errors among diagnostics; empty for none.
func failure(diags []*tfprotov6.Diagnostic) string {
	var text strings.Builder
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			fmt.Fprintf(&text, "Error: %s\n%s\n", d.Summary, d.Detail)
		}
	}
	return text.String()
}

// warnings are the warnings among diagnostics.
func warnings(diags []*tfprotov6.Diagnostic) []string {
	var out []string
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityWarning {
			out = append(out, d.Summary+": "+d.Detail)
		}
	}
	return out
}

func (s *session) dynamic(v tftypes.Value) *tfprotov6.DynamicValue {
	s.t.Helper()
	d, err := tfprotov6.NewDynamicValue(v.Type(), v)
	if err != nil {
		s.t.Fatal(err)
	}
	return &d
}

func (s *session) value(d *tfprotov6.DynamicValue) tftypes.Value {
	s.t.Helper()
	if d == nil {
		return tftypes.NewValue(s.object, nil)
	}
	v, err := d.Unmarshal(s.object)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// fields are the attributes of an object value, as a copy.
func fields(t *testing.T, v tftypes.Value) map[string]tftypes.Value {
	t.Helper()
	out := map[string]tftypes.Value{}
	if err := v.As(&out); err != nil {
		t.Fatal(err)
	}
	return maps.Clone(out)
}

// unknown stands for an argument that is known only after apply.
type unknown struct{}

// fill makes a configuration of plain values: what is not given is null.
func fill(t *testing.T, block *tfprotov6.SchemaBlock, given map[string]any) tftypes.Value {
	t.Helper()
	v, err := toValue(block.ValueType(), given)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func toValue(t tftypes.Type, plain any) (tftypes.Value, error) {
	switch v := plain.(type) {
	case nil:
		if list, ok := t.(tftypes.List); ok && list.ElementType.Is(tftypes.Object{}) {
			// A block that is not there; no argument of ours is a list of objects.
			return tftypes.NewValue(t, []tftypes.Value{}), nil
		}
		return tftypes.NewValue(t, nil), nil
	case unknown:
		return tftypes.NewValue(t, tftypes.UnknownValue), nil
	case map[string]any:
		out := map[string]tftypes.Value{}
		element := func(string) tftypes.Type { return nil }
		var names []string
		switch typed := t.(type) {
		case tftypes.Object:
			element = func(k string) tftypes.Type { return typed.AttributeTypes[k] }
			for k := range typed.AttributeTypes {
				names = append(names, k)
			}
		case tftypes.Map:
			element = func(string) tftypes.Type { return typed.ElementType }
		}
		for k := range v {
			if !slices.Contains(names, k) {
				names = append(names, k)
			}
		}
		for _, k := range names {
			if element(k) == nil {
				return tftypes.Value{}, fmt.Errorf("there is no attribute %q in %s", k, t)
			}
			e, err := toValue(element(k), v[k])
			if err != nil {
				return tftypes.Value{}, fmt.Errorf("%s: %w", k, err)
			}
			out[k] = e
		}
		return tftypes.NewValue(t, out), nil
	case []any:
		var element tftypes.Type
		switch typed := t.(type) {
		case tftypes.List:
			element = typed.ElementType
		case tftypes.Set:
			element = typed.ElementType
		}
		out := []tftypes.Value{}
		for _, p := range v {
			e, err := toValue(element, p)
			if err != nil {
				return tftypes.Value{}, err
			}
			out = append(out, e)
		}
		return tftypes.NewValue(t, out), nil
	}
	if err := tftypes.ValidateValue(t, plain); err != nil {
		return tftypes.Value{}, err
	}
	return tftypes.NewValue(t, plain), nil
}

// stateTexts reads a map of strings out of the state; unknown ones are "?".
func stateTexts(t *testing.T, object tftypes.Value, name string) map[string]string {
	t.Helper()
	v := fields(t, object)[name]
	if !v.IsKnown() || v.IsNull() {
		return nil
	}
	out := map[string]string{}
	for k, e := range fields(t, v) {
		s := "?"
		if e.IsKnown() {
			if err := e.As(&s); err != nil {
				t.Fatal(err)
			}
		}
		out[k] = s
	}
	return out
}
