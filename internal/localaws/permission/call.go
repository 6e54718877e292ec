package permission

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Call is an API call, as far as AWS judges it.
type Call struct {
	// Service and Operation are named as in botocore's models.
	Service, Operation string
	// Region that the call goes to, and Account that makes it.
	Region, Account string
	Method, Path    string
	// Input are the request's members, from body, path and query. A form's are flat: "Tags.member.1.Key".
	Input map[string]any
	// Body is the request's body where the input is not decoded from it: XML.
	Body   []byte
	Header http.Header
	// Look tells what AWS knows of a resource; the zero Resource where there is none.
	Look func(arn string) (Resource, error)
	// Iterated is the ARN of the stream that an iterator was given out for; empty where it is not known.
	Iterated func(iterator string) string
}

// Resource is what AWS knows of a resource, as far as permissions depend on it.
type Resource struct {
	// ARN is the full one: a role's or user's with its path; a key's for an alias of it.
	ARN string `json:"arn"`
	// Owner is the account that it belongs to.
	Owner string `json:"owner"`
	// Policy is the resource's own policy, as a JSON document; empty without one.
	Policy string `json:"policy"`
	// KMSKey is the ARN of the customer's key that encrypts it; empty for AWS's own keys.
	KMSKey string `json:"kms_key"`
	// Function is the ARN of an event source mapping's function, or of a function URL's, with its qualifier.
	Function string `json:"function"`
	// AuthType is a function URL's.
	AuthType string `json:"auth_type"`
	// Boundary is the ARN of a role's or user's permissions boundary.
	Boundary string `json:"boundary"`
	// PartitionKey is the name of a table's partition key.
	PartitionKey string            `json:"partition_key"`
	Tags         map[string]string `json:"tags"`
}

// Need is one action that AWS judges a call by.
type Need struct {
	Action, Resource string
	Context          Context
	// Soft marks an action without which AWS leaves something out of its answer instead of refusing the call.
	Soft bool
}

// ErrUnknown is what Needs returns for an operation that is not in the table.
var ErrUnknown = errors.New("no action is known for it: add it to the table of actions")

// row tells by what AWS judges one operation.
type row func(c *Call) ([]Need, error)

// table has the rows of each service's operations. What each is based on is the service's page in the Service Authorization
// Reference, where its file does not name another document.
var table = map[string]rowsOf{
	"apigatewayv2":             apiGateway,
	"cloudfront":               cloudFront,
	"cloudfront-keyvaluestore": keyValues,
	"cloudwatch":               cloudWatch,
	"cognito-identity":         cognitoIdentity,
	"dynamodb":                 dynamoDB,
	"dynamodbstreams":          dynamoDBStreams,
	"events":                   eventBridge,
	"iam":                      identities,
	"kinesis":                  kinesis,
	"kms":                      keys,
	"lambda":                   lambda,
	"lambda-url":               lambdaURL,
	"logs":                     logs,
	"s3":                       s3,
	"scheduler":                scheduler,
	"service-quotas":           serviceQuotas,
	"sns":                      sns,
	"sqs":                      sqs,
	"ssm":                      ssm,
	"sts":                      sts,
}

// Known tells whether the table has the operation.
func Known(service, operation string) bool {
	_, ok := table[service][operation]
	return ok || service == "apigatewayv2"
}

// Operations lists the operations of each service in the table, sorted.
func Operations() map[string][]string {
	all := map[string][]string{}
	for service, rows := range table {
		all[service] = slices.Sorted(maps.Keys(rows))
	}
	return all
}

// Needs lists by what AWS judges a call, in the order in which AWS does; none where anybody may make it.
func Needs(c *Call) ([]Need, error) {
	judge, ok := table[c.Service][c.Operation]
	if !ok && c.Service == "apigatewayv2" {
		judge, ok = apiGatewayCall, true
	}
	if !ok {
		return nil, fmt.Errorf("%s:%s: %w", c.Service, c.Operation, ErrUnknown)
	}
	needs, err := judge(c)
	if err != nil {
		return nil, fmt.Errorf("find the actions of %s:%s: %w", c.Service, c.Operation, err)
	}
	tags := c.tagContext()
	for i := range needs {
		needs[i].Context = tags.With(needs[i].Context)
	}
	return needs, nil
}

// tagContext are aws:RequestTag and aws:TagKeys (IAM User Guide, "AWS global condition context keys").
func (c *Call) tagContext() Context {
	context := Context{}
	tags, keys := c.tags()
	for key, value := range tags {
		context.Set("aws:RequestTag/"+key, value)
		keys = append(keys, key)
	}
	if len(keys) > 0 {
		slices.Sort(keys)
		context.Set("aws:TagKeys", keys...)
	}
	return context
}

// tags are those that the call sets, and the keys of those that it removes.
func (c *Call) tags() (set map[string]string, removed []string) {
	set = map[string]string{}
	for _, member := range []string{"Tags", "tags", "TagSet"} {
		switch tags := c.Input[member].(type) {
		case map[string]any:
			for key, value := range tags {
				set[key], _ = value.(string)
			}
		case []any:
			for _, tag := range tags {
				if pair, ok := tag.(map[string]any); ok {
					key := first(pair, "Key", "TagKey", "key")
					if key != "" {
						set[key] = first(pair, "Value", "TagValue", "value")
					}
				}
			}
		}
	}
	for i := 1; ; i++ {
		prefix := "Tags.member." + strconv.Itoa(i)
		key := c.text(prefix + ".Key")
		if key == "" {
			break
		}
		set[key] = c.text(prefix + ".Value")
	}
	for _, member := range []string{"TagKeys", "tagKeys"} {
		removed = append(removed, c.list(member)...)
	}
	return set, removed
}

// readBody puts the name and the tags of a body that is XML where those of other
// calls are: S3 has them in Tags, CloudFront in the Items of these.
func (c *Call) readBody() error {
	if len(c.Body) == 0 {
		return nil
	}
	type tag struct{ Key, Value string }
	var body struct {
		Name  string
		Tags  []tag `xml:"Tags>Tag"`
		Items []tag `xml:"Tags>Items>Tag"`
	}
	if err := xml.Unmarshal(c.Body, &body); err != nil {
		return fmt.Errorf("read the name and the tags: %w", err)
	}
	tags := map[string]any{}
	for _, t := range slices.Concat(body.Tags, body.Items) {
		tags[t.Key] = t.Value
	}
	c.Input["Tags"] = tags
	if body.Name != "" {
		c.Input["Name"] = body.Name
	}
	return nil
}

// tagged tells whether the call sets tags.
func (c *Call) tagged() bool {
	set, _ := c.tags()
	return len(set) > 0
}

func first(members map[string]any, names ...string) string {
	for _, name := range names {
		if s, ok := members[name].(string); ok {
			return s
		}
	}
	return ""
}

// text is the first of the named members that is a text and not empty.
func (c *Call) text(names ...string) string {
	for _, name := range names {
		if s, ok := c.Input[name].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// list is a member that is a list of texts, in JSON or in a form, or a single text.
func (c *Call) list(name string) []string {
	var out []string
	switch values := c.Input[name].(type) {
	case []any:
		for _, value := range values {
			if s, ok := value.(string); ok {
				out = append(out, s)
			}
		}
	case string:
		out = append(out, values)
	}
	for i := 1; ; i++ {
		s := c.text(name + ".member." + strconv.Itoa(i))
		if s == "" {
			return out
		}
		out = append(out, s)
	}
}

// members is a member that is a structure, in JSON; an empty one where there is none.
func members(in map[string]any, name string) map[string]any {
	m, _ := in[name].(map[string]any)
	return m
}

// arn is the ARN of a resource in the call's region and account.
func (c *Call) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + c.Region + ":" + c.Account + ":" + resource
}

// needs makes one need of each action on one resource.
func needs(resource string, actions ...string) []Need {
	out := make([]Need, len(actions))
	for i, action := range actions {
		out[i] = Need{Action: action, Resource: resource}
	}
	return out
}

// each adds operations whose action has the operation's name, on the resource that a function finds.
func (rows rowsOf) each(service string, resource func(c *Call) string, operations ...string) rowsOf {
	for _, operation := range operations {
		action := service + ":" + operation
		rows[operation] = func(c *Call) ([]Need, error) { return needs(resource(c), action), nil }
	}
	return rows
}

// as adds operations that are all judged by one action.
func (rows rowsOf) as(action string, resource func(c *Call) string, operations ...string) rowsOf {
	for _, operation := range operations {
		rows[operation] = func(c *Call) ([]Need, error) { return needs(resource(c), action), nil }
	}
	return rows
}

// with adds one operation that has a rule of its own.
func (rows rowsOf) with(operation string, judge row) rowsOf {
	rows[operation] = judge
	return rows
}

type rowsOf map[string]row

// anything is the resource of an action that has none (Service Authorization Reference: a policy must say "*").
func anything(*Call) string { return "*" }

// passRole is what handing a role to a service needs (IAM User Guide, "Grant a user permissions to pass a role to an AWS service").
func passRole(role, service string) []Need {
	if role == "" {
		return nil
	}
	return []Need{{Action: "iam:PassRole", Resource: role, Context: Context{"iam:passedtoservice": {service}}}}
}

// useKey is what a service does with a customer's key in the caller's name (KMS Developer Guide, "kms:ViaService").
func (c *Call) useKey(key, service string, actions ...string) ([]Need, error) {
	if !strings.HasPrefix(key, "arn:") { // an id, an alias, or none; aws/... are AWS's own keys, whose policies let the service in
		if key == "" || strings.HasPrefix(key, "alias/aws/") {
			return nil, nil
		}
		if strings.HasPrefix(key, "alias/") {
			key = c.arn("kms", key)
		} else {
			key = c.arn("kms", "key/"+key)
		}
	}
	key, err := c.keyARN(key)
	if err != nil || strings.Contains(key, ":alias/aws/") {
		return nil, err
	}
	out := needs(key, actions...)
	for i := range out {
		out[i].Context = Context{"kms:viaservice": {service + "." + c.Region + ".amazonaws.com"}}
	}
	return out, nil
}

// keyARN is the key of an alias: KMS judges the key (KMS Developer Guide, "Use aliases to control access to KMS keys").
func (c *Call) keyARN(arn string) (string, error) {
	if !strings.Contains(arn, ":alias/") {
		return arn, nil
	}
	key, err := c.Look(arn)
	if err != nil || key.ARN == "" {
		return arn, err
	}
	return key.ARN, nil
}

// inUse adds the use of the key of the resource that the call is about, once the rest is there.
func (c *Call) inUse(of []Need, arn, service string, actions ...string) ([]Need, error) {
	resource, err := c.Look(arn)
	if err != nil {
		return nil, err
	}
	key, err := c.useKey(resource.KMSKey, service, actions...)
	return append(of, key...), err
}

// lastPart is what follows the last separator.
func lastPart(s, separator string) string { return s[strings.LastIndex(s, separator)+1:] }
