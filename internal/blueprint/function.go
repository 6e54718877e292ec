package blueprint

import (
	"maps"
	"slices"
	"time"
)

// Function says what a Lambda function of the system's bundle should be.
type Function struct {
	MemoryMB int
	Timeout  time.Duration
	// ReservedConcurrency is a count of executions; 0 reserves none.
	ReservedConcurrency int
	// Environment is the function's configuration.
	Environment map[string]string
	// Grants are all that the function's role may do, beside writing its logs.
	Grants [][]Grant
}

// FunctionSpec is the spec of a function, its published version and its alias.
type FunctionSpec struct {
	RoleARN string `json:"role"`
	// RoleID makes a role that was created anew refresh the function, which
	// otherwise keeps the identity of the deleted one.
	RoleID              string            `json:"role_id"`
	Bucket              string            `json:"code_bucket"`
	Object              string            `json:"code_key"`
	CodeSHA256          string            `json:"code_sha256"`
	Handler             string            `json:"handler"`
	Runtime             string            `json:"runtime"`
	Architecture        string            `json:"architecture"`
	MemoryMB            int               `json:"memory" unit:"MB"`
	Timeout             int               `json:"timeout" unit:"s"`
	ReservedConcurrency int               `json:"reserved_concurrency"`
	Environment         map[string]string `json:"environment"`
	KMSKeyARN           string            `json:"kms_key"`
	LogGroup            string            `json:"log_group"`
	VPC                 VPC               `json:"vpc"`
	Alias               string            `json:"alias" fixed:"true"`
	// Published is true: there is a version that is all of this, and the alias
	// points to it unless a release moves it.
	Published bool `json:"published"`
	// Released says that a release moves the alias: what is published does not
	// become live by itself.
	Released bool `json:"released,omitempty"`
}

// Kind implements Spec.
func (FunctionSpec) Kind() string { return "function" }

// LiveAlias is the alias through which every function is called.
const LiveAlias = "live"

// VersionAttribute is the attribute of a function with the version that was
// published last.
const VersionAttribute = "version"

// VersionsOutput is the output map with the version of each function that was
// published last, by its key.
const VersionsOutput = "function_versions"

// NoReservation is the ReservedConcurrency of a function without one.
const NoReservation = -1

// bundle parts have the same keys in every system.
const (
	bundleBucketKey = "bundles"
	bundleObjectKey = "bundle"
)

// FunctionHandle refers to a function.
type FunctionHandle struct {
	Handle
	role RoleHandle
	// source are the dimensions of the metrics that the function writes.
	source map[string]string
}

// Function describes a function, with its role and its log group. The first
// one brings the bucket and the bundle.
func (b *Builder) Function(key string, f Function) FunctionHandle {
	b.bundle()
	handle := FunctionHandle{source: map[string]string{"System": b.settings.System.Name, "Name": b.settings.Name, "Function": key}}
	logs := b.add(key+"-logs", "/aws/lambda/"+b.name(key), LogGroupSpec{
		RetentionDays: b.settings.LogRetentionDays, KMSKeyARN: b.settings.KMSKeyARN,
	})
	logsARN := arn("logs", "log-group:"+logs.Name()+":log-stream:*")
	grants := []Grant{{
		Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{logsARN},
		Rare: "used by the Lambda service itself to write what the function logs",
	}}
	grants = append(grants, joined(f.Grants)...)
	if b.settings.KMSKeyARN != "" && len(f.Environment) > 0 {
		grants = append(grants, Grant{
			Actions: []string{"kms:Decrypt"}, Resources: []string{b.settings.KMSKeyARN},
			Rare: "used by the Lambda service itself to decrypt the function's environment",
		})
	}
	var vpc VPC
	if b.settings.VPC != nil {
		vpc = *b.settings.VPC
		grants = append(grants, networkInterfaces())
	}
	handle.role = b.role(roleOfFunction(key), "lambda.amazonaws.com",
		"Execution role of function "+key+" of "+b.settings.System.Name+" "+b.settings.Name, nil, grants)

	settings := b.settings.Functions[key]
	environment := maps.Clone(f.Environment)
	if environment == nil {
		environment = map[string]string{}
	}
	// The function names itself in its calls' user agent (AWS SDKs Reference
	// Guide, "Application ID").
	environment["AWS_SDK_UA_APP_ID"] = b.settings.System.Name + "." + key
	memory, timeout, reserved := f.MemoryMB, f.Timeout, f.ReservedConcurrency
	if settings.MemoryMB != nil {
		memory = *settings.MemoryMB
	}
	if settings.Timeout != nil {
		timeout = *settings.Timeout
	}
	if settings.ReservedConcurrency != nil {
		reserved = *settings.ReservedConcurrency
	} else if reserved == 0 {
		reserved = NoReservation
	}
	handle.Handle = b.add(key, b.name(key), FunctionSpec{
		RoleARN: handle.role.ARN(), RoleID: handle.role.ID(),
		Bucket: Ref(bundleBucketKey, NameAttribute), Object: bundleObject, CodeSHA256: b.settings.BundleSHA256,
		Handler: key, Runtime: "provided.al2023", Architecture: b.settings.Architecture,
		MemoryMB: memory, Timeout: int(timeout / time.Second), ReservedConcurrency: reserved,
		Environment: environment, KMSKeyARN: b.settings.KMSKeyARN, LogGroup: logs.Name(),
		VPC: vpc, Alias: LiveAlias, Published: true, Released: b.settings.Released,
	}, handle.role.Key(), logs.Key(), bundleObjectKey)
	b.blue.OutputMaps[VersionsOutput][key] = Ref(key, VersionAttribute)
	return handle
}

// Timeout returns the time-out of the function with that key: the user's, or
// the system's own.
func (b *Builder) Timeout(key string, own time.Duration) time.Duration {
	if t := b.settings.Functions[key].Timeout; t != nil {
		return *t
	}
	return own
}

// bundleObject is the key of the bundle in its bucket. It is the same for every
// content, so that an upgrade leaves no old bundle behind.
const bundleObject = "functions.zip"

// Bundle is the part with the zip of the functions; nil where there are none.
func (b *Blueprint) Bundle() *Part { return b.Part(bundleObjectKey) }

func (b *Builder) bundle() {
	if b.blue.Part(bundleObjectKey) != nil {
		return
	}
	bucket := b.Bucket(bundleBucketKey, Bucket{})
	b.object(bundleObjectKey, bucket, ObjectSpec{
		Key: bundleObject, SHA256: b.settings.BundleSHA256, ContentType: "application/zip",
	})
}

// networkInterfaces is what a function in a VPC needs. EC2 gives these actions
// no narrower resource (Lambda Developer Guide, "Giving Lambda functions
// access to resources in an Amazon VPC").
func networkInterfaces() Grant {
	return Grant{
		Actions: []string{
			"ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
			"ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
		},
		Resources: []string{"*"},
		Rare:      "used by the Lambda service itself to attach the function to its subnets",
	}
}

// ARN returns the function's ARN without a version.
func (f FunctionHandle) ARN() string { return arn("lambda", "function:"+f.Name()) }

// LiveARN returns the ARN of the function's live alias.
func (f FunctionHandle) LiveARN() string { return f.ARN() + ":" + LiveAlias }

// RoleARN returns the ARN of the function's role.
func (f FunctionHandle) RoleARN() string { return f.role.ARN() }

// URLSpec is the spec of a function URL on the live alias.
type URLSpec struct {
	Function string   `json:"function" fixed:"true"`
	Alias    string   `json:"alias" fixed:"true"`
	Origins  []string `json:"cors_allowed_origins"`
	Methods  []string `json:"cors_allowed_methods"`
	Headers  []string `json:"cors_allowed_headers"`
	Exposed  []string `json:"cors_exposed_headers,omitempty"`
	MaxAge   int      `json:"cors_max_age" unit:"s"`
	// Public lets anybody call it; Signed lets those whom IAM allows to.
	Public bool `json:"public_access"`
	Signed bool `json:"signed_by_iam,omitempty"`
}

// Kind implements Spec.
func (URLSpec) Kind() string { return "function_url" }

// URLHandle refers to a function URL.
type URLHandle struct{ Handle }

// corsMaxAge lets browsers ask once a day at most; it is Lambda's greatest
// (Lambda API Reference, Cors).
const corsMaxAge = 24 * time.Hour

// PublicURL gives the function an address that anybody may call. Of the answer's
// headers, scripts of every site may read those that are exposed.
func (b *Builder) PublicURL(key string, f FunctionHandle, methods []string, exposed ...string) URLHandle {
	return URLHandle{b.add(key, f.Name()+":"+LiveAlias, URLSpec{
		Function: f.Name(), Alias: LiveAlias,
		Origins: []string{"*"}, Methods: slices.Sorted(slices.Values(methods)), Headers: []string{"content-type"},
		Exposed: slices.Sorted(slices.Values(exposed)), MaxAge: int(corsMaxAge / time.Second), Public: true,
	}, f.Key())}
}

// SignedURL gives the function an address for callers of whom IAM knows, by
// lambda:InvokeFunctionUrl and lambda:InvokeFunction on its live alias (Lambda
// Developer Guide, "Control access to Lambda function URLs").
func (b *Builder) SignedURL(key string, f FunctionHandle) URLHandle {
	return URLHandle{b.add(key, f.Name()+":"+LiveAlias, URLSpec{Function: f.Name(), Alias: LiveAlias, Signed: true}, f.Key())}
}

// URL returns a reference to the address.
func (u URLHandle) URL() string { return Ref(u.Key(), "url") }
