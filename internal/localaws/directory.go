package localaws

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// directory knows callers and resources as the local AWS has them. It asks once, and again when a call that passed the gate
// may have changed the answer.
type directory struct {
	target func() *url.URL
	client *http.Client
	// met hears of every principal that was asked for anew.
	met func(*permission.Principal)

	mu sync.Mutex
	// age counts, by scope, the calls that may have changed what is known in it.
	age        map[string]int
	principals map[string]remembered[*permission.Principal]
	resources  map[string]remembered[permission.Resource]
}

// remembered is an answer, and how old its scope was when it was asked for.
type remembered[T any] struct {
	value T
	scope string
	age   int
}

func newDirectory(target func() *url.URL, met func(*permission.Principal)) *directory {
	d := &directory{target: target, met: met, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	d.forget()
	return d
}

// forget drops all answers.
func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.age = map[string]int{}
	d.principals = map[string]remembered[*permission.Principal]{}
	d.resources = map[string]remembered[permission.Resource]{}
}

// changed makes the answers of a scope out of date.
func (d *directory) changed(scope string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.age[scope]++
}

// ask puts a question to the local AWS: judgement.py answers it.
func (d *directory) ask(ctx context.Context, question, of string, answer any) error {
	at := d.target().JoinPath("/_ministack/", question)
	at.RawQuery = url.Values{"of": {of}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return err
	}
	resp, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the local AWS for %s %s: %s", question, of, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// document is a policy as judgement.py gives it.
type document struct{ Name, Document string }

func parsed(documents []document) ([]permission.Policy, error) {
	out := make([]permission.Policy, 0, len(documents))
	for _, doc := range documents {
		if doc.Document == "" {
			continue // an attached policy that is gone
		}
		policy, err := permission.ParsePolicy(doc.Name, doc.Document)
		if err != nil {
			return nil, err
		}
		out = append(out, policy)
	}
	return out, nil
}

// principal is the caller with that access key; nil where the key is nobody's.
func (d *directory) principal(ctx context.Context, key string) (*permission.Principal, error) {
	d.mu.Lock()
	known, ok := d.principals[key]
	fresh := ok && d.age[known.scope] == known.age
	if fresh {
		d.mu.Unlock()
		return known.value, nil
	}
	ages := maps.Clone(d.age) // as of now: what changes while we ask makes the answer out of date
	d.mu.Unlock()
	var found *struct {
		Type, ARN, Account, ID, Name, Holder string
		Policies                             []document
		Boundary                             *document
		Session                              []document
		Tags                                 map[string]string
		Issued                               int64  // Seconds since 1970, of a session.
		Identity                             string // Of Cognito, whose session it is.
	}
	if err := d.ask(ctx, "principal", key, &found); err != nil || found == nil {
		return nil, err
	}
	p := &permission.Principal{
		Kind: permission.Kind(found.Type), ARN: found.ARN, Account: found.Account,
		Keys: permission.Context{
			"aws:principalarn": {found.ARN}, "aws:principalaccount": {found.Account}, "aws:principaltype": {found.Type}, "aws:userid": {found.ID},
		},
	}
	if found.ARN == "arn:aws:iam::"+found.Account+":root" {
		p.Kind = permission.Root // a session of the account itself
	}
	switch p.Kind {
	case permission.User:
		p.Owner = "arn:aws:iam::" + found.Account + ":user/" + found.Name
		p.Keys.Set("aws:username", found.Name)
	case permission.Role:
		p.Owner = "arn:aws:iam::" + found.Account + ":role/" + found.Name
		p.RoleARN = found.Holder
		p.Keys.Set("aws:PrincipalArn", found.Holder)
	}
	if found.Issued > 0 { // temporary credentials only
		p.Keys.Set("aws:TokenIssueTime", time.Unix(found.Issued, 0).UTC().Format(time.RFC3339))
	}
	if found.Identity != "" { // IAM User Guide, "Available keys for AWS web identity federation"
		p.Keys.Set("cognito-identity.amazonaws.com:sub", found.Identity)
	}
	for key, value := range found.Tags {
		p.Keys.Set("aws:PrincipalTag/"+key, value)
	}
	var err error
	if p.Identity, err = parsed(found.Policies); err != nil {
		return nil, err
	}
	if found.Boundary != nil {
		limit, err := parsed([]document{*found.Boundary})
		if err != nil {
			return nil, err
		}
		p.Boundary = &permission.Policy{} // one that is gone allows nothing
		if len(limit) > 0 {
			p.Boundary = &limit[0]
		}
	}
	if found.Session != nil {
		if p.Session, err = parsed(found.Session); err != nil {
			return nil, err
		}
	}
	d.met(p)
	scope := "iam " + found.Account
	d.mu.Lock()
	defer d.mu.Unlock()
	d.principals[key] = remembered[*permission.Principal]{p, scope, ages[scope]}
	return p, nil
}

// resource is what is known of an ARN, or of a function URL's id.
func (d *directory) resource(ctx context.Context, arn string) (permission.Resource, error) {
	scope := scopeOf(arn)
	d.mu.Lock()
	known, ok := d.resources[arn]
	age := d.age[scope]
	d.mu.Unlock()
	if ok && known.age == age {
		return known.value, nil
	}
	var found permission.Resource
	if err := d.ask(ctx, "resource", arn, &found); err != nil {
		return found, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.resources[arn] = remembered[permission.Resource]{found, scope, age}
	return found, nil
}

// tags are a resource's; they are asked for where a policy depends on them, and not remembered.
func (d *directory) tags(ctx context.Context, arn string) (map[string]string, error) {
	var found permission.Resource
	err := d.ask(ctx, "tags", arn, &found)
	return found.Tags, err
}

// scopeOf is what calls must change for the answer about an ARN to be out of date: its service, and with IAM its account.
func scopeOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "lambda" // a function URL's id
	}
	if parts[2] == "iam" {
		return "iam " + parts[4]
	}
	return parts[2]
}

// changes tells whether an operation may change what the directory knows of its service.
func changes(service, operation string) bool {
	reads := strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List") || strings.HasPrefix(operation, "Describe") || strings.HasPrefix(operation, "Head")
	switch service {
	case "iam", "lambda":
		return !reads && !strings.HasPrefix(operation, "Invoke")
	case "s3":
		return !reads && strings.Contains(operation, "Bucket")
	case "sqs":
		return !reads && !strings.Contains(operation, "Message")
	case "sns":
		return !reads && !strings.HasPrefix(operation, "Publish")
	case "kms":
		return strings.Contains(operation, "Key") && !reads && !strings.HasPrefix(operation, "Generate") || strings.HasSuffix(operation, "Alias")
	case "dynamodb":
		return !reads && strings.HasSuffix(operation, "Table")
	}
	return false
}
