package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

// Failure is an operation that did not succeed, told to an engineer: what was
// done to which part, why it failed, what exists now and what to do next.
type Failure struct {
	// Argument is the path of the argument at fault; nil where none is.
	Argument        []string
	Summary, Detail string
}

// diagnosis makes failures of one operation on one system.
type diagnosis struct {
	system blueprint.System
	name   string
	create bool
}

// label renders a kind or a system for people: "event source mapping".
func label(s string) string { return strings.ReplaceAll(s, "_", " ") }

// of tells of a failure that concerns the whole system.
func (d diagnosis) of(action string, err error) Failure {
	f := Failure{Summary: fmt.Sprintf("Cannot %s %s %q", action, label(d.system.Name), d.name)}
	var busy *errBusy
	var finished *errFinished
	var known *awsclient.Failure
	switch {
	case errors.As(err, &known):
		f.Summary, f.Detail = known.Summary, known.Detail
	case errors.As(err, &busy):
		f.Detail = fmt.Sprintf("%s.\n\nNothing was changed. Wait until that work is done, then apply again. If that process is dead, its claim ends by itself %s after its last sign of life.", busy, staleAfter)
	case errors.Is(err, errReplaced):
		f.Detail = fmt.Sprintf("The %s that this state means was destroyed, and another one was deployed under its name. Nothing was changed.\n\nRun terraform plan: it says what is left to do.", label(d.system.Name))
	case errors.As(err, &finished):
		f.Argument = []string{"name"}
		f.Detail = fmt.Sprintf("In this account and region there is a %s of that name already (%s). Nothing was changed.\n\nChoose another name, or take over the existing one: terraform import <address> %s", label(d.system.Name), finished.status, d.name)
	default:
		f.Detail = d.cause(err) + d.next()
	}
	return f
}

// ofPart tells of a failure that concerns one part.
func (d diagnosis) ofPart(action, key, kind, name string, err error) Failure {
	f := Failure{Summary: fmt.Sprintf("Cannot %s %s %q (%s) of %s %q", action, label(kind), key, name, label(d.system.Name), d.name)}
	var foreign *foreignError
	if errors.As(err, &foreign) {
		f.Argument = []string{"name"}
		f.Detail = upper(foreign.Error()) + ". It was left as it is.\n\nChoose another name for this system, or remove that object, then apply again."
		return f
	}
	f.Detail = d.cause(err) + hint(err) + d.next()
	return f
}

// cause says why, in AWS's words where AWS has spoken.
func (d diagnosis) cause(err error) string {
	var api smithy.APIError
	var op *smithy.OperationError
	if !errors.As(err, &api) {
		if errors.Is(err, context.DeadlineExceeded) {
			return "The time allowed for the operation ran out: " + err.Error()
		}
		return upper(err.Error())
	}
	var text strings.Builder
	if errors.As(err, &op) {
		fmt.Fprintf(&text, "%s %s: ", op.Service(), op.Operation())
	}
	fmt.Fprintf(&text, "%s: %s", api.ErrorCode(), api.ErrorMessage())
	var response *http.ResponseError
	if errors.As(err, &response) && response.ServiceRequestID() != "" {
		fmt.Fprintf(&text, " (request %s)", response.ServiceRequestID())
	}
	// What our own code says around AWS's words: "still so after 2m0s".
	if i := strings.Index(err.Error(), "operation error"); i > 0 {
		return upper(strings.TrimRight(err.Error()[:i], ": ")) + ".\n" + text.String()
	}
	return text.String()
}

// hint says what to do about errors whose cure is not in AWS's own words.
func hint(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	message := strings.ToLower(api.ErrorMessage())
	switch {
	case strings.Contains(message, "unreservedconcurrentexecution"):
		return "\n\nThe account's concurrency is too small for this reservation: AWS keeps 100 executions unreserved (a new account may have 10 in all). Ask for a higher quota \"Concurrent executions\", or set reserved_concurrency = -1 for this function under functions."
	case strings.Contains(message, "blockpublicpolicy"), strings.Contains(message, "block public access"):
		return "\n\nThe account blocks public buckets, and the results are read from one. Lift the account's S3 Block Public Access for policies, or deploy to an account that allows it."
	case strings.Contains(api.ErrorCode(), "AccessDenied"), strings.Contains(api.ErrorCode(), "Unauthorized"), strings.Contains(message, "not authorized to perform"):
		return "\n\nThe credentials that Terraform uses lack this permission. Grant it and apply again."
	}
	return ""
}

// next says what exists now and how to go on.
func (d diagnosis) next() string {
	if d.create {
		return "\n\nThe parts made so far exist and are recorded. Remove the cause and apply again. Terraform marks the resource as tainted and would replace it, which is harmless, as nobody's data is in it yet; to go on with what exists instead, run terraform untaint <address> first."
	}
	return "\n\nWhat was done so far is recorded. Remove the cause and repeat the command: it goes on from there."
}

// Protected tells that parts which bear data stand in the way of a destroy.
func Protected(system blueprint.System, name string, parts []string) Failure {
	return Failure{
		Argument: []string{"force_destroy"},
		Summary:  fmt.Sprintf("%s %q bears data and is protected", upper(label(system.Name)), name),
		Detail: fmt.Sprintf("These parts would be deleted with all that they hold:\n  %s\n\nNothing was deleted. If that is what you want, set force_destroy = true, apply, and then destroy. What counts is the value that was applied last.",
			strings.Join(parts, "\n  ")),
	}
}

// protected tells that an apply would delete or replace a part with data.
func (r *run) protected(key string, rec Record, why string) Failure {
	return Failure{
		Argument: []string{"force_destroy"},
		Summary:  fmt.Sprintf("Cannot replace or delete %s %q (%s), which bears data", label(rec.Kind), key, rec.Name),
		Detail:   fmt.Sprintf("The apply would delete it, since %s. Nothing was changed.\n\nSave the data, set force_destroy = true, apply, and then apply the change.", why),
	}
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// ConfigurationFailure tells why the provider's configuration does not work.
func ConfigurationFailure(err error) Failure {
	var known *awsclient.Failure
	if errors.As(err, &known) {
		f := Failure{Summary: known.Summary, Detail: known.Detail}
		if known.Attribute != "" {
			f.Argument = []string{known.Attribute}
		}
		return f
	}
	return Failure{Summary: "AWS cannot be used", Detail: err.Error()}
}
