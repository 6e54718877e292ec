package kinds

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
)

func testControl() *blueprint.Control {
	return &blueprint.Control{Argument: "closes_at", Item: "control", PartitionKey: "voter", Field: "closes_at", Configured: "2027-05-22T18:25:00Z", Moment: true}
}

func number(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }
func word(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }

// overridden reads one control; nil where nothing is set.
func overridden(ctx context.Context, as Env, c *blueprint.Control, table string) (*blueprint.Override, error) {
	found, err := as.Overrides(ctx, []*blueprint.Control{c}, table)
	if o, set := found[c.Argument]; set {
		return &o, err
	}
	return nil, err
}

// TestOverride reads a control as somebody who may read nothing else.
func TestOverride(t *testing.T) {
	begin(t)
	place := blueprint.Place{Partition: "aws", Region: testRegion, Account: testAccount}
	var statements []blueprint.Statement
	for _, p := range ControlPermissions(place, []string{"control"}, testTable, "") {
		statements = append(statements, blueprint.Statement{Effect: "Allow", Action: p.Actions, Resource: p.Resources, Condition: p.Condition})
	}
	client, name := env.AWS.IAM, aws.String("reader")
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: name, PolicyName: name, PolicyDocument: aws.String(blueprint.NewPolicy(statements...).JSON())}); err != nil {
		t.Fatal(err)
	}
	key, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := connect(t.Context(), aws.ToString(key.AccessKey.AccessKeyId), aws.ToString(key.AccessKey.SecretAccessKey))
	if err != nil {
		t.Fatal(err)
	}
	as := Env{AWS: reader, Clock: env.Clock}
	if o, err := overridden(t.Context(), as, testControl(), testTable); o != nil || err != nil {
		t.Errorf("without a table it is %+v, %v", o, err)
	}
	made(t, testTable, plainTable())
	other := testControl()
	other.Item = "somebody's ballot"
	if o, err := overridden(t.Context(), as, other, testTable); code(err) != "AccessDeniedException" {
		t.Errorf("another item is read as %+v, %v", o, err)
	}
	plain := testControl()
	plain.Moment = false
	among := func(moment bool) *blueprint.Control {
		c := testControl()
		c.Moment, c.Within = moment, "control"
		return c
	}
	many := func(text string) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{"control": word(text)}
	}
	for what, c := range map[string]struct {
		control *blueprint.Control
		item    map[string]types.AttributeValue
		want    *blueprint.Override
		says    string
	}{
		"no item":       {testControl(), nil, nil, ""},
		"another field": {testControl(), map[string]types.AttributeValue{"rate": number("5")}, nil, ""},
		"whole": {
			testControl(), map[string]types.AttributeValue{"closes_at": number("1811010900000"), "of": number("1811010300000"), "by": word("arn:aws:iam::000000000000:user/anna"), "at": number("1811010000500")},
			&blueprint.Override{Value: "2027-05-22T18:35:00Z", InsteadOf: "2027-05-22T18:25:00Z", By: "arn:aws:iam::000000000000:user/anna", At: "2027-05-22T18:20:00.5Z"}, "",
		},
		"bare":      {testControl(), map[string]types.AttributeValue{"closes_at": number("1811010900000")}, &blueprint.Override{Value: "2027-05-22T18:35:00Z"}, ""},
		"a number":  {plain, map[string]types.AttributeValue{"closes_at": number("0.5"), "of": number("1")}, &blueprint.Override{Value: "0.5", InsteadOf: "1"}, ""},
		"a boolean": {plain, map[string]types.AttributeValue{"closes_at": &types.AttributeValueMemberBOOL{Value: true}, "of": &types.AttributeValueMemberBOOL{}}, &blueprint.Override{Value: "true", InsteadOf: "false"}, ""},
		"a text":    {plain, map[string]types.AttributeValue{"closes_at": word("now")}, &blueprint.Override{Value: "now"}, ""},
		"one of many": {
			among(true), many(`{"closes_at":{"to":1811010900000,"of":1811010300000},"rate":{"to":2,"of":1},"by":"anna","at":1811010000500}`),
			&blueprint.Override{Value: "2027-05-22T18:35:00Z", InsteadOf: "2027-05-22T18:25:00Z", By: "anna", At: "2027-05-22T18:20:00.5Z"}, "",
		},
		"a boolean of many": {among(false), many(`{"closes_at":{"to":true,"of":false}}`), &blueprint.Override{Value: "true", InsteadOf: "false"}, ""},
		"none of many":      {among(true), many(`{"rate":{"to":2,"of":1}}`), nil, ""},
		"no JSON":           {among(true), many(`{`), nil, `attribute control: it is no JSON object`},
		"no moment":         {testControl(), map[string]types.AttributeValue{"closes_at": word("20:35")}, nil, `attribute closes_at: it must be a number of milliseconds`},
		"no value":          {plain, map[string]types.AttributeValue{"closes_at": &types.AttributeValueMemberNULL{Value: true}}, nil, `it must be a number, a text or a boolean`},
		"who is no one":     {testControl(), map[string]types.AttributeValue{"closes_at": number("1"), "by": &types.AttributeValueMemberL{}}, nil, `attribute by`},
	} {
		key := map[string]types.AttributeValue{"voter": word("control")}
		if _, err := env.AWS.DynamoDB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(testTable), Key: key}); err != nil {
			t.Fatal(err)
		}
		if c.item != nil {
			c.item["voter"] = word("control")
			if _, err := env.AWS.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(testTable), Item: c.item}); err != nil {
				t.Fatal(err)
			}
		}
		mark := local.Gate().Meter().Mark()
		got, err := overridden(t.Context(), as, c.control, testTable)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: the error is %v, want %q", what, err, c.says)
		}
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%s: it is %+v, want %+v", what, got, c.want)
		}
		if n := int(local.Gate().Meter().Since(mark).Total()); n != ControlCalls {
			t.Errorf("%s: it took %d calls, declared are %d", what, n, ControlCalls)
		}
	}
}
