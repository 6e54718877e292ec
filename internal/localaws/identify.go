package localaws

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A function URL's host as AWS gives it (<id>.lambda-url.<region>.on.aws) and as browsers reach it here
// (<id>.lambda-url.<region>.localhost); and MiniStack's second form, by path, for clients that cannot choose the host.
var (
	functionURLHost = regexp.MustCompile(`^([a-z0-9]{32})\.lambda-url\.([a-z0-9-]+)\.`)
	functionURLPath = regexp.MustCompile(`^/_aws/lambda-url/([^/]+)`)
	httpAPIHost     = regexp.MustCompile(`^([a-z0-9]+)\.execute-api\.`)
	// A distribution's host as CloudFront gives it, and as browsers reach it here: <label>.cloudfront.localhost.
	distributionHost = regexp.MustCompile(`^([a-z0-9]+)\.cloudfront\.(?:net|localhost)$`)
	httpAPIPath      = regexp.MustCompile(`^/_aws/execute-api/([^/]+)`)
	credential       = regexp.MustCompile(`Credential=([^,\s]+)`)
	appID            = regexp.MustCompile(`(?:^|\s)app/(\S+)`)
	rpcPath          = regexp.MustCompile(`^/service/([^/]+)/operation/([^/]+)$`)
	accountNumber    = regexp.MustCompile(`^\d{12}$`)
)

// modelOfSigningName lists the services whose signing name is not the name of their model.
var modelOfSigningName = map[string]string{
	"es":                   "opensearch",
	"monitoring":           "cloudwatch",
	"servicequotas":        "service-quotas",
	"tagging":              "resourcegroupstaggingapi",
	"states":               "stepfunctions",
	"elasticloadbalancing": "elbv2",
}

// serviceOfTarget finds the service of a request that nobody signed, or that shares a signing name, by the prefix of
// X-Amz-Target.
var serviceOfTarget = map[string]string{
	"AmazonSQS":                         "sqs",
	"AmazonSSM":                         "ssm",
	"AWSCognitoIdentityService":         "cognito-identity",
	"AWSCognitoIdentityProviderService": "cognito-idp",
	"AWSEvents":                         "events",
	"DynamoDB_20120810":                 "dynamodb",
	"DynamoDBStreams_20120810":          "dynamodbstreams",
	"Kinesis_20131202":                  "kinesis",
	"Logs_20140328":                     "logs",
	"ServiceQuotasV20190624":            "service-quotas",
	"secretsmanager":                    "secretsmanager",
	"TrentService":                      "kms",
}

// serviceOfVersion finds the service of an unsigned query request by the API version that every such request names.
var serviceOfVersion = map[string]string{
	"2010-03-31": "sns",
	"2010-05-08": "iam",
	"2010-08-01": "cloudwatch",
	"2011-06-15": "sts",
	"2012-11-05": "sqs",
}

// identify derives what can be known of a request before it is answered. The body is the whole body, or nil where it is
// too long to be kept.
func identify(models *Models, r *http.Request, body []byte, now time.Time) *Call {
	c := &Call{
		Time:       now,
		Caller:     callerOf(r.UserAgent()),
		Method:     r.Method,
		Path:       r.URL.EscapedPath(),
		Invocation: r.Header.Get("Amz-Sdk-Invocation-Id"),
		Attempt:    attemptOf(r.Header.Get("Amz-Sdk-Request")),
		body:       body,
	}
	if r.ContentLength > 0 {
		c.Bytes = r.ContentLength
	} else {
		c.Bytes = int64(len(body))
	}
	query := r.URL.Query()
	signingName := c.readScope(r, query)
	host := hostname(r.Host)

	if m := functionURLHost.FindStringSubmatch(host); m != nil {
		c.endpoint("lambda-url", m[1], m[2])
		return c
	}
	if m := functionURLPath.FindStringSubmatch(c.Path); m != nil {
		c.endpoint("lambda-url", m[1], c.Region)
		return c
	}
	if m := httpAPIHost.FindStringSubmatch(host); m != nil {
		c.endpoint("execute-api", m[1], c.Region)
		return c
	}
	if m := httpAPIPath.FindStringSubmatch(c.Path); m != nil {
		c.endpoint("execute-api", m[1], c.Region)
		return c
	}
	if m := distributionHost.FindStringSubmatch(host); m != nil {
		c.endpoint("cloudfront-edge", m[1], c.Region)
		return c
	}
	if name, ok := modelOfSigningName[signingName]; ok {
		signingName = name
	}

	switch {
	case r.Header.Get("X-Amz-Target") != "":
		prefix, operation, _ := cutLast(r.Header.Get("X-Amz-Target"), ".")
		c.Service, c.Operation, c.protocol = signingName, operation, protocolJSON
		if service, ok := serviceOfTarget[prefix]; ok {
			c.Service = service
		}
		said := decodeJSON(body)
		c.Resource = resourceOf(said)
		if statements, ok := said["Statements"].([]any); ok && c.Service == "dynamodb" {
			c.Resource, c.Statements = tablesOfStatements(statements), int64(len(statements))
		}
		if writes, ok := said["RequestItems"].(map[string]any); ok && c.Operation == "BatchWriteItem" {
			for _, items := range writes {
				of, _ := items.([]any)
				c.Statements += int64(len(of))
			}
		}
	case rpcPath.MatchString(c.Path):
		m := rpcPath.FindStringSubmatch(c.Path)
		c.Service, c.Operation, c.protocol = signingName, m[2], protocolCBOR
		if c.Service == "" && m[1] == "GraniteServiceVersion20100801" {
			c.Service = "cloudwatch"
		}
		c.Resource = resourceOf(decodeCBOR(body))
	default:
		if form := formOf(r, query, body); form.Get("Action") != "" && signingName != "s3" {
			c.Service, c.Operation, c.protocol = signingName, form.Get("Action"), protocolQuery
			if c.Service == "" {
				c.Service = serviceOfVersion[form.Get("Version")]
			}
			c.Resource = resourceOf(decodeForm(form))
			return c
		}
		c.rest(models, signingName, r, query, host)
	}
	return c
}

// endpoint marks a call to something of the user's own, behind a host name: a function's URL, an HTTP API.
func (c *Call) endpoint(service, id, region string) {
	c.Service, c.Operation, c.Resource, c.Region, c.protocol = service, "Invoke", id, region, protocolHTTP
}

// rest identifies a request of a service whose operations are methods and paths.
func (c *Call) rest(models *Models, service string, r *http.Request, query url.Values, host string) {
	path := c.Path
	switch service {
	case "apigateway":
		if strings.HasPrefix(path, "/v2/") {
			service = "apigatewayv2"
		}
	case "":
		if customDomain(host) {
			c.endpoint("execute-api", host, c.Region)
			return
		}
		// Unsigned, and nothing else: what MiniStack takes it for, too. A public object is read like this.
		service = "s3"
	}
	if service == "s3" {
		if bucket := bucketOfHost(host); bucket != "" {
			path = "/" + bucket + path
		}
	}
	c.Service = service
	c.protocol = protocolRESTJSON
	if service == "s3" || service == "cloudfront" || service == "route53" {
		c.protocol = protocolRESTXML
	}
	c.Operation = r.Method + " " + path
	if r.Method == http.MethodOptions {
		c.Operation = "Preflight" // a browser's question, which no model knows
		return
	}
	model, err := models.Service(service)
	if err != nil {
		return
	}
	operation, params := model.match(r.Method, path, query, r.Header)
	if operation == nil {
		return
	}
	c.Operation, c.params = operation.Name, params
	c.Resource = resourceOfPath(service, params)
	if c.Resource == "" {
		c.Resource = resourceOf(decodeJSON(c.body))
	}
}

// customDomain tells whether an unsigned request goes to a domain name of the user's own, which leads to an HTTP API.
func customDomain(host string) bool {
	if !strings.Contains(host, ".") || net.ParseIP(host) != nil {
		return false
	}
	return !slices.ContainsFunc([]string{".localhost", ".on.aws", ".amazonaws.com"}, func(own string) bool { return strings.HasSuffix(host, own) })
}

// readScope reads who signed the request, and for which region and service, and returns the latter's signing name.
func (c *Call) readScope(r *http.Request, query url.Values) string {
	scope := query.Get("X-Amz-Credential")
	if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		scope = m[1]
	}
	parts := strings.Split(scope, "/")
	if len(parts) < 4 {
		return ""
	}
	c.AccessKey = parts[0]
	if accountNumber.MatchString(c.AccessKey) {
		c.Account = c.AccessKey
	}
	if len(parts) == 4 { // SigV4a: a scope without region
		return parts[2]
	}
	c.Region = parts[2]
	return parts[3]
}

// callerOf names who is calling, by the user agent.
func callerOf(agent string) string {
	if m := appID.FindStringSubmatch(agent); m != nil {
		return m[1]
	}
	if strings.Contains(strings.ToLower(agent), "terraform") || strings.Contains(agent, "OpenTofu") {
		return "terraform"
	}
	if strings.HasPrefix(agent, "Mozilla/") {
		return "browser"
	}
	product, _, _ := strings.Cut(agent, "/")
	if product == "" {
		return "unknown"
	}
	return strings.ToLower(product)
}

// attemptOf reads the SDK's "attempt=2; max=3".
func attemptOf(header string) int {
	for field := range strings.SplitSeq(header, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(field), "attempt="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				return n
			}
		}
	}
	return 0
}

// bucketOfHost is the bucket of a virtual-hosted S3 request: <bucket>.s3.<region>..., <bucket>.s3-website... or
// <bucket>.localhost; empty for path style.
func bucketOfHost(host string) string {
	if net.ParseIP(host) != nil {
		return ""
	}
	for _, mark := range []string{".s3.", ".s3-"} {
		if i := strings.Index(host, mark); i > 0 {
			return host[:i]
		}
	}
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok && bucket != "s3" && !strings.HasPrefix(bucket, "s3.") {
		return bucket
	}
	return ""
}

func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.ToLower(host)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// formOf is the form of a query-protocol request, from its body or its query; empty for anything else.
func formOf(r *http.Request, query url.Values, body []byte) url.Values {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
			return form
		}
	}
	return query
}
