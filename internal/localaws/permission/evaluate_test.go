package permission

import (
	"strings"
	"testing"
)

const (
	account = "123456789012"
	userARN = "arn:aws:iam::123456789012:user/dev/anna"
	queue   = "arn:aws:sqs:eu-central-1:123456789012:votes"
)

func policy(t *testing.T, statements string) Policy {
	t.Helper()
	p, err := ParsePolicy("test", `{"Version":"2012-10-17","Statement":`+statements+`}`)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func policies(t *testing.T, statements string) []Policy {
	t.Helper()
	if statements == "" {
		return nil
	}
	return []Policy{policy(t, statements)}
}

const (
	allowAll   = `{"Effect":"Allow","Action":"*","Resource":"*"}`
	allowSend  = `{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"` + queue + `"}`
	denySend   = `{"Effect":"Deny","Action":"sqs:Send*","Resource":"*"}`
	allowOther = `{"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"}`
)

func queuePolicy(effect, principal string) string {
	return `{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"sqs:SendMessage","Resource":"` + queue + `"}`
}

// TestLayers follows the table of the IAM User Guide, "Policy evaluation logic": which policies together allow a call.
func TestLayers(t *testing.T) {
	const session = "arn:aws:sts::123456789012:assumed-role/sender/now"
	for name, c := range map[string]struct {
		identity, boundary, session, resource string
		kind                                  Kind
		owner                                 string
		required                              bool
		allowed                               bool
		by                                    string
		explicit                              bool
	}{
		"nothing allows":                         {by: byIdentity},
		"identity allows":                        {identity: allowSend, allowed: true},
		"identity allows another action":         {identity: allowOther, by: byIdentity},
		"identity denies what it allows":         {identity: "[" + allowAll + "," + denySend + "]", by: byIdentity, explicit: true},
		"boundary allows, too":                   {identity: allowAll, boundary: allowSend, allowed: true},
		"boundary does not":                      {identity: allowAll, boundary: allowOther, by: byBoundary},
		"boundary alone grants nothing":          {boundary: allowAll, by: byIdentity},
		"boundary denies":                        {identity: allowAll, boundary: "[" + allowAll + "," + denySend + "]", by: byBoundary, explicit: true},
		"session policy allows, too":             {identity: allowAll, session: allowSend, kind: Role, allowed: true},
		"session policy does not":                {identity: allowAll, session: allowOther, kind: Role, by: bySession},
		"session policy denies":                  {identity: allowAll, session: denySend, kind: Role, by: bySession, explicit: true},
		"all three allow":                        {identity: allowSend, boundary: allowAll, session: allowAll, kind: Role, allowed: true},
		"resource names the user":                {resource: queuePolicy("Allow", `{"AWS":"`+userARN+`"}`), allowed: true},
		"resource names the user past boundary":  {boundary: allowOther, resource: queuePolicy("Allow", `{"AWS":"`+userARN+`"}`), allowed: true},
		"resource names the session past all":    {boundary: allowOther, session: allowOther, kind: Role, resource: queuePolicy("Allow", `{"AWS":"`+session+`"}`), allowed: true},
		"resource names the role":                {kind: Role, resource: queuePolicy("Allow", `{"AWS":"arn:aws:iam::123456789012:role/sender"}`), allowed: true},
		"resource names the role, boundary not":  {kind: Role, boundary: allowOther, resource: queuePolicy("Allow", `{"AWS":"arn:aws:iam::123456789012:role/sender"}`), by: byIdentity},
		"resource leaves it to the account":      {resource: queuePolicy("Allow", `{"AWS":"123456789012"}`), by: byIdentity},
		"resource names everybody":               {resource: queuePolicy("Allow", `"*"`), allowed: true},
		"resource names everybody else":          {resource: `{"Effect":"Allow","NotPrincipal":{"AWS":"` + userARN + `"},"Action":"*","Resource":"*"}`, by: byIdentity},
		"resource denies everybody":              {identity: allowAll, resource: queuePolicy("Deny", `"*"`), by: byResource, explicit: true},
		"resource denies somebody else":          {identity: allowAll, resource: queuePolicy("Deny", `{"AWS":"arn:aws:iam::123456789012:user/bruno"}`), allowed: true},
		"resource denies all but the user":       {identity: allowAll, resource: `{"Effect":"Deny","NotPrincipal":{"AWS":"` + userARN + `"},"Action":"*","Resource":"*"}`, allowed: true},
		"another account's, it allows":           {identity: allowAll, owner: "210987654321", resource: queuePolicy("Allow", `{"AWS":"123456789012"}`), allowed: true},
		"another account's, it does not":         {identity: allowAll, owner: "210987654321", resource: queuePolicy("Allow", `{"AWS":"333333333333"}`), by: byResource},
		"another account's, only it allows":      {owner: "210987654321", resource: queuePolicy("Allow", `"*"`), by: byIdentity},
		"a key must allow, and does the account": {identity: allowAll, required: true, resource: queuePolicy("Allow", `{"AWS":"arn:aws:iam::123456789012:root"}`), allowed: true},
		"a key must allow, and does not":         {identity: allowAll, required: true, resource: queuePolicy("Allow", `{"AWS":"333333333333"}`), by: byResource},
		"a key allows the user itself":           {required: true, resource: queuePolicy("Allow", `{"AWS":"`+userARN+`"}`), allowed: true},
		"anonymous, public":                      {kind: Anonymous, resource: queuePolicy("Allow", `"*"`), allowed: true},
		"anonymous, private":                     {kind: Anonymous, resource: queuePolicy("Allow", `{"AWS":"123456789012"}`), by: byResource},
		"service, named":                         {kind: Service, resource: queuePolicy("Allow", `{"Service":"sns.amazonaws.com"}`), allowed: true},
		"service, another":                       {kind: Service, resource: queuePolicy("Allow", `{"Service":"s3.amazonaws.com"}`), by: byResource},
		"root, nothing allows":                   {kind: Root, allowed: true},
		"root of another account":                {kind: Root, owner: "210987654321", resource: queuePolicy("Allow", `{"AWS":"333333333333"}`), by: byResource},
	} {
		t.Run(name, func(t *testing.T) {
			p := Principal{Kind: User, ARN: userARN, Account: account, Identity: policies(t, c.identity), Session: policies(t, c.session)}
			switch c.kind {
			case Role:
				p.Kind, p.ARN, p.RoleARN = Role, session, "arn:aws:iam::123456789012:role/sender"
			case Service:
				p = Principal{Kind: Service, ARN: "sns.amazonaws.com"}
			case Anonymous:
				p = Principal{Kind: Anonymous}
			case Root:
				p.Kind, p.ARN = Root, "arn:aws:iam::123456789012:root"
			}
			if c.boundary != "" {
				limit := policy(t, c.boundary)
				p.Boundary = &limit
			}
			var resource *ResourcePolicy
			if c.resource != "" {
				resource = &ResourcePolicy{Policy: policy(t, c.resource), Owner: account, Required: c.required}
				if c.owner != "" {
					resource.Owner = c.owner
				}
			}
			d := Evaluate(p, Request{Action: "sqs:SendMessage", Resource: queue}, resource)
			if d.Allowed != c.allowed || !d.Allowed && (d.By != c.by || d.Explicit != c.explicit) {
				t.Errorf("decided %+v, want allowed %t, by %q, explicit %t", d, c.allowed, c.by, c.explicit)
			}
		})
	}
}

// TestStatements tries what one statement of a user says of one request.
func TestStatements(t *testing.T) {
	for name, c := range map[string]struct {
		statement, action, resource string
		want                        bool
	}{
		"action's case":              {`"Action":"SQS:sendmessage","Resource":"*"`, "sqs:SendMessage", queue, true},
		"action's wildcard":          {`"Action":"sqs:*Message","Resource":"*"`, "sqs:SendMessage", queue, true},
		"action's question mark":     {`"Action":"sqs:SendMessag?","Resource":"*"`, "sqs:SendMessage", queue, true},
		"another service":            {`"Action":"sns:*","Resource":"*"`, "sqs:SendMessage", queue, false},
		"not action":                 {`"NotAction":["sns:*","sqs:Delete*"],"Resource":"*"`, "sqs:SendMessage", queue, true},
		"not action, excluded":       {`"NotAction":["sns:*","sqs:Send*"],"Resource":"*"`, "sqs:SendMessage", queue, false},
		"resource's case":            {`"Action":"*","Resource":"arn:aws:sqs:eu-central-1:123456789012:Votes"`, "sqs:SendMessage", queue, false},
		"resource's wildcard":        {`"Action":"*","Resource":"arn:aws:sqs:*:*:vo?es"`, "sqs:SendMessage", queue, true},
		"wildcard at the end only":   {`"Action":"*","Resource":"arn:aws:sqs:eu-central-1:123456789012:votes-*"`, "sqs:SendMessage", queue, false},
		"not resource":               {`"Action":"*","NotResource":"arn:aws:sqs:*:*:other"`, "sqs:SendMessage", queue, true},
		"not resource, excluded":     {`"Action":"*","NotResource":"*:votes"`, "sqs:SendMessage", queue, false},
		"no resource of its own":     {`"Action":"*","Resource":"arn:aws:sqs:*:*:*"`, "sqs:ListQueues", "*", false},
		"everything covers it":       {`"Action":"*","Resource":"*"`, "sqs:ListQueues", "*", true},
		"policy variable":            {`"Action":"*","Resource":"arn:aws:s3:::home/${aws:username}/*"`, "s3:GetObject", "arn:aws:s3:::home/anna/a", true},
		"policy variable, another":   {`"Action":"*","Resource":"arn:aws:s3:::home/${aws:username}/*"`, "s3:GetObject", "arn:aws:s3:::home/bruno/a", false},
		"variable without value":     {`"Action":"*","Resource":"arn:aws:s3:::home/${aws:PrincipalTag/team}/*"`, "s3:GetObject", "arn:aws:s3:::home//a", false},
		"variable's default":         {`"Action":"*","Resource":"arn:aws:s3:::home/${aws:PrincipalTag/team, 'all'}/*"`, "s3:GetObject", "arn:aws:s3:::home/all/a", true},
		"a literal star":             {`"Action":"*","Resource":"arn:aws:s3:::home/${*}"`, "s3:GetObject", "arn:aws:s3:::home/x", false},
		"value of variable is plain": {`"Action":"*","Resource":"arn:aws:s3:::home/${aws:star}"`, "s3:GetObject", "arn:aws:s3:::home/x", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Principal{
				Kind: User, ARN: userARN, Account: account, Identity: policies(t, `{"Effect":"Allow",`+c.statement+`}`),
				Keys: Context{"aws:username": {"anna"}, "aws:star": {"*"}},
			}
			if d := Evaluate(p, Request{Action: c.action, Resource: c.resource}, nil); d.Allowed != c.want {
				t.Errorf("allowed is %t, want %t", d.Allowed, c.want)
			}
		})
	}
}

// TestConditions follows the IAM User Guide, "Condition operators" and "Set operators for multivalued context keys".
func TestConditions(t *testing.T) {
	context := Context{
		"aws:username": {"anna"}, "aws:securetransport": {"true"}, "aws:sourceip": {"192.0.2.7"}, "aws:currenttime": {"2026-05-22T20:15:00Z"},
		"aws:epochtime": {"1779480900"}, "s3:max-keys": {"10"}, "aws:sourcearn": {"arn:aws:sns:eu-central-1:123456789012:night"},
		"aws:tagkeys": {"team", "show"},
	}
	for name, c := range map[string]struct {
		condition string
		want      bool
	}{
		"equals":                         {`"StringEquals":{"aws:username":["bruno","anna"]}`, true},
		"equals, key's case":             {`"StringEquals":{"AWS:UserName":"anna"}`, true},
		"equals, value's case":           {`"StringEquals":{"aws:username":"Anna"}`, false},
		"equals ignoring case":           {`"StringEqualsIgnoreCase":{"aws:username":"Anna"}`, true},
		"equals takes no wildcard":       {`"StringEquals":{"aws:username":"an*"}`, false},
		"like":                           {`"StringLike":{"aws:username":"an*"}`, true},
		"not equals":                     {`"StringNotEquals":{"aws:username":["bruno","cleo"]}`, true},
		"not equals, one of them":        {`"StringNotEquals":{"aws:username":["bruno","anna"]}`, false},
		"not like":                       {`"StringNotLike":{"aws:username":"a*"}`, false},
		"missing key":                    {`"StringEquals":{"aws:userid":"x"}`, false},
		"missing key, inverted":          {`"StringNotEquals":{"aws:userid":"x"}`, true},
		"missing key, if exists":         {`"StringEqualsIfExists":{"aws:userid":"x"}`, true},
		"present key, if exists":         {`"StringEqualsIfExists":{"aws:username":"x"}`, false},
		"two keys, both":                 {`"StringEquals":{"aws:username":"anna"},"Bool":{"aws:SecureTransport":true}`, true},
		"two keys, one":                  {`"StringEquals":{"aws:username":"anna"},"Bool":{"aws:SecureTransport":"false"}`, false},
		"null, absent":                   {`"Null":{"aws:userid":"true"}`, true},
		"null, present":                  {`"Null":{"aws:username":"true"}`, false},
		"not null, present":              {`"Null":{"aws:username":false}`, true},
		"number":                         {`"NumericLessThanEquals":{"s3:max-keys":10}`, true},
		"number, too great":              {`"NumericLessThan":{"s3:max-keys":"10"}`, false},
		"number, not equal":              {`"NumericNotEquals":{"s3:max-keys":"11"}`, true},
		"no number":                      {`"NumericEquals":{"aws:username":"10"}`, false},
		"date":                           {`"DateGreaterThan":{"aws:CurrentTime":"2026-05-22T20:14:59Z"}`, true},
		"date, too late":                 {`"DateLessThan":{"aws:CurrentTime":"2026-05-22T20:15:00Z"}`, false},
		"epoch":                          {`"DateGreaterThanEquals":{"aws:EpochTime":"1779480900"}`, true},
		"address in range":               {`"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, true},
		"address out of range":           {`"IpAddress":{"aws:SourceIp":["198.51.100.0/24","2001:db8::/32"]}`, false},
		"address not in range":           {`"NotIpAddress":{"aws:SourceIp":"192.0.2.7"}`, false},
		"ARN":                            {`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:123456789012:*"}`, true},
		"ARN equals has wildcards":       {`"ArnEquals":{"aws:SourceArn":"arn:aws:sns:*:*:night"}`, true},
		"ARN's star within its part":     {`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:night"}`, false},
		"string's star reaches over":     {`"StringLike":{"aws:SourceArn":"arn:aws:sns:*:night"}`, true},
		"ARN not like":                   {`"ArnNotLike":{"aws:SourceArn":"arn:aws:sqs:*:*:*"}`, true},
		"for any value":                  {`"ForAnyValue:StringEquals":{"aws:TagKeys":["show","x"]}`, true},
		"for any value, none":            {`"ForAnyValue:StringEquals":{"aws:TagKeys":["x"]}`, false},
		"for any value, missing":         {`"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":["x"]}`, false},
		"for any value, inverted":        {`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["show"]}`, true},
		"for all values":                 {`"ForAllValues:StringEquals":{"aws:TagKeys":["show","team","x"]}`, true},
		"for all values, one is not":     {`"ForAllValues:StringEquals":{"aws:TagKeys":["show"]}`, false},
		"for all values, missing":        {`"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":["x"]}`, true},
		"for all values, inverted":       {`"ForAllValues:StringNotLike":{"aws:TagKeys":["x*"]}`, true},
		"for all values, inverted, one":  {`"ForAllValues:StringNotLike":{"aws:TagKeys":["s*"]}`, false},
		"variable in the value":          {`"StringEquals":{"aws:username":"${aws:username}"}`, true},
		"variable in the value, missing": {`"StringEquals":{"aws:username":"${aws:userid}"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := Principal{Kind: User, Identity: policies(t, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+c.condition+`}}`)}
			if d := Evaluate(p, Request{Action: "s3:ListBucket", Resource: "arn:aws:s3:::b", Context: context}, nil); d.Allowed != c.want {
				t.Errorf("allowed is %t, want %t", d.Allowed, c.want)
			}
		})
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	for document, want := range map[string]string{
		`{`:                                "read policy test",
		`{"Statement":{"Effect":"allow"}}`: "neither Allow nor Deny",
		`{"Statement":{"Effect":"Allow","Condition":{"StringIs":{"a":"b"}}}}`:            `"StringIs"`,
		`{"Statement":{"Effect":"Allow","Condition":{"ForSome:StringEquals":{"a":""}}}}`: `"ForSome:StringEquals"`,
	} {
		if _, err := ParsePolicy("test", document); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gave %v, want %q in it", document, err, want)
		}
	}
	decoded, err := ParsePolicy("test", "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22a%3Ab%2Bc%22%7D%5D%7D")
	if err != nil || decoded.Statements[0].Actions[0] != "a:b+c" {
		t.Errorf("an encoded policy gave %+v, %v", decoded, err)
	}
}

func TestMessages(t *testing.T) {
	anna := Principal{Kind: User, ARN: userARN}
	for want, c := range map[string]struct {
		d Decision
		r Request
	}{
		"User: " + userARN + " is not authorized to perform: sqs:SendMessage on resource: " + queue + " because no identity-based policy allows the sqs:SendMessage action": {Decision{By: byIdentity}, Request{Action: "sqs:SendMessage", Resource: queue}},
		"User: " + userARN + " is not authorized to perform: sqs:ListQueues with an explicit deny in an identity-based policy":                                              {Decision{By: byIdentity, Explicit: true}, Request{Action: "sqs:ListQueues", Resource: "*"}},
		"User: " + userARN + " is not authorized to perform: sqs:ListQueues with an explicit deny in a resource-based policy":                                               {Decision{By: byResource, Explicit: true}, Request{Action: "sqs:ListQueues", Resource: "*"}},
	} {
		if got := c.d.Message(anna, c.r); got != want {
			t.Errorf("the message is\n%s, want\n%s", got, want)
		}
	}
}

func TestUsageSumsUp(t *testing.T) {
	var usage Usage
	granted := policy(t, `[{"Effect":"Allow","Action":["sqs:SendMessage","sqs:DeleteMessage"],"Resource":["`+queue+`","arn:aws:sqs:*:*:dead"]},`+
		`{"Effect":"Deny","Action":"sqs:PurgeQueue","Resource":"*"},{"Effect":"Allow","NotAction":"iam:*","NotResource":["a","b"]}]`)
	for _, owner := range []string{"arn:aws:iam::111111111111:role/one", "arn:aws:iam::222222222222:role/one"} {
		usage.Granted(owner, granted)
	}
	p := Principal{Kind: User, Identity: []Policy{granted}}
	d := Evaluate(p, Request{Action: "sqs:SendMessage", Resource: queue}, nil)
	if want := []Pair{{"sqs:SendMessage", queue}, {"not iam:*", "not a, b"}}; len(d.Used) != 2 || d.Used[0] != want[0] || d.Used[1] != want[1] {
		t.Fatalf("used %v, want %v", d.Used, want)
	}
	usage.Use(usage.Owners()[1], d.Used...)
	unused := usage.Unused(func(_ string, p Pair) string { return p.Action })
	if strings.Join(unused, " ") != "sqs:DeleteMessage" {
		t.Errorf("unused by action are %q", unused)
	}
	unused = usage.Unused(func(owner string, p Pair) string {
		if strings.HasPrefix(p.Action, not) {
			return ""
		}
		return owner[len("arn:aws:iam::"):][:1] + " " + p.Action + " " + p.Resource
	})
	if len(unused) != 7 || unused[0] != "1 sqs:DeleteMessage arn:aws:sqs:*:*:dead" {
		t.Errorf("unused by account, action and resource are %q", unused)
	}
	if n := usage.Of(usage.Owners()[1])[Pair{"sqs:SendMessage", queue}]; n != 1 {
		t.Errorf("sending was used %d times, want once", n)
	}
}
