package release

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/functions/internal/awscall"
)

// Lambda reads and moves aliases.
type Lambda struct{ calls awscall.Client }

// NewLambda is Lambda in the configuration's region.
func NewLambda(cfg aws.Config) *Lambda {
	return &Lambda{awscall.Client{Config: cfg, Service: "lambda"}}
}

// functions begins the paths of the API (Lambda API Reference).
const functions = "/2015-03-31/functions/"

// missing is the code of what does not exist.
const missing = "ResourceNotFoundException"

// code is that of an error of AWS; empty for another.
func code(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return ""
}

// placeOf are the names of the function and of the alias in an alias's ARN, arn:aws:lambda:REGION:ACCOUNT:function:NAME:ALIAS.
func placeOf(arn string) (function, alias string, err error) {
	parts := strings.Split(arn, ":")
	if len(parts) != 8 {
		return "", "", fmt.Errorf("%q is no ARN of an alias", arn)
	}
	return parts[6], parts[7], nil
}

func aliasPath(arn string) (string, error) {
	function, alias, err := placeOf(arn)
	return functions + url.PathEscape(function) + "/aliases/" + url.PathEscape(alias), err
}

type routing struct {
	AdditionalVersionWeights map[string]float64
}

// Alias reads where an alias is; there is false where it does not exist.
func (l *Lambda) Alias(ctx context.Context, arn string) (a Alias, there bool, err error) {
	path, err := aliasPath(arn)
	if err != nil {
		return Alias{}, false, err
	}
	var got struct {
		FunctionVersion, RevisionId string //nolint:revive // AWS's name
		RoutingConfig               *routing
	}
	err = l.calls.Get(ctx, path, &got)
	if code(err) == missing {
		return Alias{}, false, nil
	}
	if err != nil {
		return Alias{}, false, fmt.Errorf("get alias %s: %w", arn, err)
	}
	a = Alias{Version: got.FunctionVersion, Revision: got.RevisionId}
	if got.RoutingConfig != nil {
		// AWS takes one further version at most (Lambda Developer Guide, "Implement Lambda canary deployments using a weighted alias").
		for version, share := range got.RoutingConfig.AdditionalVersionWeights {
			a.Canary, a.Share = version, share
		}
	}
	return a, true, nil
}

// Move points an alias elsewhere, unless it was moved since it was read.
func (l *Lambda) Move(ctx context.Context, m Move) error {
	path, err := aliasPath(m.Alias)
	if err != nil {
		return err
	}
	in := struct {
		FunctionVersion string
		RoutingConfig   routing
		RevisionId      string `json:",omitempty"` //nolint:revive // AWS's name
	}{m.To.Version, routing{map[string]float64{}}, m.To.Revision}
	if m.To.Canary != "" {
		in.RoutingConfig.AdditionalVersionWeights[m.To.Canary] = m.To.Share
	}
	if err := l.calls.Put(ctx, path, in, nil); err != nil {
		return fmt.Errorf("move alias %s to version %s: %w", m.Alias, m.To.Version, err)
	}
	return nil
}

// Digest is the hex SHA-256 of the code of a version of the function of an alias; there is false where it does not exist.
func (l *Lambda) Digest(ctx context.Context, arn, version string) (digest string, there bool, err error) {
	function, _, err := placeOf(arn)
	if err != nil {
		return "", false, err
	}
	var got struct{ CodeSha256 string }
	// A name may carry its version (Lambda API Reference, GetFunctionConfiguration, FunctionName).
	err = l.calls.Get(ctx, functions+url.QueryEscape(function+":"+version)+"/configuration", &got)
	if code(err) == missing {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("get version %s of function %s: %w", version, function, err)
	}
	sum, err := base64.StdEncoding.DecodeString(got.CodeSha256)
	if err != nil {
		return "", false, fmt.Errorf("read CodeSha256 %q: %w", got.CodeSha256, err)
	}
	return hex.EncodeToString(sum), true, nil
}

// CloudWatch reads the states of alarms.
type CloudWatch struct{ calls awscall.Client }

// NewCloudWatch is CloudWatch in the configuration's region. Its endpoint and its signatures have another name (AWS General Reference, "Amazon
// CloudWatch endpoints and quotas").
func NewCloudWatch(cfg aws.Config) *CloudWatch {
	return &CloudWatch{awscall.Client{Config: cfg, Service: "monitoring"}}
}

// describeAtOnce is how many alarms one call describes (CloudWatch API Reference, DescribeAlarms, AlarmNames and MaxRecords).
const describeAtOnce = 100

// Rings are the states of alarms, of metrics or composite, by name; one that does not exist is Gone.
func (w *CloudWatch) Rings(ctx context.Context, names []string) (map[string]Ring, error) {
	out := map[string]Ring{}
	for start := 0; start < len(names); start += describeAtOnce {
		parameters := map[string]string{
			"MaxRecords": strconv.Itoa(describeAtOnce), "AlarmTypes.member.1": "MetricAlarm", "AlarmTypes.member.2": "CompositeAlarm",
		}
		for i, name := range names[start:min(start+describeAtOnce, len(names))] {
			parameters["AlarmNames.member."+strconv.Itoa(i+1)] = name
		}
		type alarm struct {
			AlarmName  string
			StateValue Ring
		}
		var got struct {
			Result struct {
				Metric    []alarm `xml:"MetricAlarms>member"`
				Composite []alarm `xml:"CompositeAlarms>member"`
			} `xml:"DescribeAlarmsResult"`
		}
		if err := w.calls.Query(ctx, "2010-08-01", "DescribeAlarms", parameters, &got); err != nil {
			return nil, fmt.Errorf("describe the alarms: %w", err)
		}
		for _, a := range append(got.Result.Metric, got.Result.Composite...) {
			out[a.AlarmName] = a.StateValue
		}
	}
	return out, nil
}
