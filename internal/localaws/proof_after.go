package localaws

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/burstline/terraform-provider-serverless/internal/localaws/permission"
)

// After keeps up with what calls change, and hides from a caller who may not list a bucket what is missing in it.
func (p *Proof) After(c *Call, resp *http.Response) {
	if changes(c.Service, c.Operation) {
		scope := c.Service
		if scope == "iam" {
			scope = "iam " + p.accountOf(c)
		}
		p.directory.changed(scope)
	}
	if resp == nil {
		return
	}
	switch {
	case c.Service == "iam" && resp.StatusCode < http.StatusBadRequest:
		p.granted(c)
	case (c.Operation == "GetShardIterator" || c.Operation == "GetRecords") && resp.StatusCode == http.StatusOK:
		p.iterated(c, resp)
	case c.Service == "s3" && (c.Operation == "GetObject" || c.Operation == "HeadObject") && resp.StatusCode == http.StatusNotFound:
		p.missing(c, resp)
	}
}

func (p *Proof) accountOf(c *Call) string {
	if c.principal != nil {
		return c.principal.Account
	}
	return cmp.Or(c.Account, rootAccount)
}

// granted makes the grants of an inline policy known when it is put: they may never be used.
func (p *Proof) granted(c *Call) {
	if c.Operation != "PutRolePolicy" && c.Operation != "PutUserPolicy" {
		return
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return
	}
	owner := "role/" + form.Get("RoleName")
	if c.Operation == "PutUserPolicy" {
		owner = "user/" + form.Get("UserName")
	}
	if policy, err := permission.ParsePolicy(form.Get("PolicyName"), form.Get("PolicyDocument")); err == nil {
		p.usage.Granted("arn:aws:iam::"+p.accountOf(c)+":"+owner, policy)
	}
}

// iterated remembers whose shard iterators were given out: later calls name nothing else.
func (p *Proof) iterated(c *Call, resp *http.Response) {
	body, err := io.ReadAll(resp.Body)
	resp.Body = readCloser{bytes.NewReader(body), resp.Body}
	if err != nil {
		return // the caller will see it, too
	}
	answer, request := decodeJSON(body), decodeJSON(c.body)
	iterator, _ := cmp.Or(answer["ShardIterator"], answer["NextShardIterator"]).(string)
	stream, _ := cmp.Or(request["StreamArn"], request["StreamARN"]).(string)
	if name, ok := request["StreamName"].(string); ok && stream == "" {
		stream = "arn:aws:kinesis:" + c.Region + ":" + p.accountOf(c) + ":stream/" + name
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, ok := request["ShardIterator"].(string); ok && stream == "" {
		stream = p.iterators[before]
	}
	if iterator == "" || stream == "" {
		return
	}
	if len(p.iterators) >= keptIterators {
		clear(p.iterators)
	}
	p.iterators[iterator] = stream
}

// missing turns "there is no such object" into "access denied" for a caller who may not list the bucket (S3 API Reference,
// GetObject, "Permissions").
func (p *Proof) missing(c *Call, resp *http.Response) {
	if c.principal == nil || resp.Request.URL.Query().Has("versionId") {
		return // what is said of a version that is missing, AWS's documentation leaves open
	}
	bucket := c.params["Bucket"]
	at, err := p.directory.resource(resp.Request.Context(), "arn:aws:s3:::"+bucket)
	if err != nil || at.Owner == "" {
		return // there is no such bucket, which everybody may know
	}
	need := permission.Need{Action: "s3:ListBucket", Resource: "arn:aws:s3:::" + bucket}
	d, request, err := p.decide(resp.Request.Context(), c.principal, need, &permission.Call{Region: c.Region, Header: resp.Request.Header})
	if err != nil {
		return
	}
	if d.Allowed {
		p.usage.Use(c.principal.Owner, d.Used...)
		return
	}
	answer := p.refuse(c, Denial{
		Principal: cmp.Or(c.principal.ARN, "anonymous"), Account: c.principal.Account, Action: need.Action, Resource: need.Resource,
		Message: d.Message(*c.principal, request),
	})
	_ = resp.Body.Close() // replaced by ours
	resp.StatusCode, resp.Status = answer.Status, strconv.Itoa(answer.Status)+" "+http.StatusText(answer.Status)
	resp.Header, resp.Body = answer.Header, io.NopCloser(bytes.NewReader(answer.Body))
	if c.Method == http.MethodHead {
		resp.Body = http.NoBody
	}
	resp.ContentLength = int64(len(answer.Body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(answer.Body)))
	c.Status, c.ErrorCode = answer.Status, answer.Code
}
