package secretref_test

import (
	"testing"

	"github.com/burstline/terraform-provider-serverless/functions/internal/secretref"
)

func TestParse(t *testing.T) {
	for arn, want := range map[string]secretref.Reference{
		"arn:aws:ssm:eu-central-1:123456789012:parameter/pay/key":         {Service: "ssm", Region: "eu-central-1", Name: "/pay/key"},
		"arn:aws:ssm:us-east-1:123456789012:parameter/key":                {Service: "ssm", Region: "us-east-1", Name: "key"},
		"arn:aws:secretsmanager:eu-west-1:123456789012:secret:pay-AbCdEf": {Service: "secretsmanager", Region: "eu-west-1", Name: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pay-AbCdEf"},
		"arn:aws:s3:::bucket": {},
		"hunter2":             {},
	} {
		got, err := secretref.Parse(arn)
		if want.Service != "" {
			want.ARN = arn
		}
		if got != want || (err == nil) != (want.Service != "") {
			t.Errorf("%s is %+v, %v; want %+v", arn, got, err, want)
		}
	}
}
