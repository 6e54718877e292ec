package blueprint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one reason why AWS, or the engine, would refuse a blueprint.
type Problem struct {
	// Part is the key of the part at fault; empty where none is.
	Part string
	// Argument is the path of the argument at fault: "functions", "recorder",
	// "timeout_seconds"; nil where no single one is.
	Argument []string
	// Message says what is wrong, what the limit is and where it comes from.
	Message string
}

// Error implements error.
func (p Problem) Error() string {
	if p.Part == "" {
		return p.Message
	}
	return fmt.Sprintf("part %q: %s", p.Part, p.Message)
}

// Validate checks the whole blueprint against what AWS accepts, before
// anything is called. Tokens count with the greatest length that they can have.
func (b *Blueprint) Validate() []Problem {
	c := &checker{blue: b}
	c.settings()
	c.structure()
	if len(c.problems) > 0 {
		return c.problems
	}
	for _, p := range b.Parts {
		c.part = p
		c.name()
		switch s := p.Spec.(type) {
		case QueueSpec:
			c.between("visibility timeout", s.VisibilityTimeout, 0, 43200, "s", "SQS quotas", nil)
			if s.DeadLetterARN != "" {
				c.between("maxReceiveCount", s.MaxReceives, 1, 1000, "", "SQS, RedrivePolicy", nil)
			}
		case FunctionSpec:
			c.function(s)
		case RoleSpec:
			c.role(s)
		case MappingSpec:
			c.mapping(s)
		case HTTPAPISpec:
			c.httpAPI(s)
		case InvokePermissionSpec:
			c.atMost("statement id", len(s.Sid), 100, "characters", "Lambda API Reference, AddPermission")
		case EventInvokeConfigSpec:
			c.eventInvokeConfig(s)
		case IdentityPoolRoleSpec:
			c.guests(s)
		case TableSpec:
			c.table(s)
		case TableItemSpec:
			c.tableItem(s)
		case StreamSpec:
			c.stream(s)
		case AlarmSpec:
			c.alarm(s)
		case BucketSpec:
			c.atMost("bucket policy", b.longest(s.Policy.JSON()), 20*1024, "bytes", "S3 User Guide, Bucket policies")
		case BucketPolicySpec:
			c.atMost("bucket policy", b.longest(s.Policy.JSON()), 20*1024, "bytes", "S3 User Guide, Bucket policies")
		case LifecycleSpec:
			c.lifecycle(s)
		case DistributionSpec:
			c.distribution(s)
		case EdgeFunctionSpec:
			c.atMost("code", b.longest(s.Code), maxEdgeCode, "bytes", "CloudFront Developer Guide, Quotas on CloudFront Functions")
		case KeyValueStoreSpec:
			c.keyValueStore(s)
		case ObjectSpec:
			c.object(s)
		case WebsiteSpec:
			c.website(s)
		case ScheduleSpec:
			c.atMost("description", b.longest(s.Description), 512, "characters", "EventBridge Scheduler API Reference")
		case TopicSpec:
			c.atMost("display name", len(s.DisplayName), 100, "characters", "SNS API Reference, CreateTopic")
		case HashedListSpec:
			c.hashedList(s)
		case LogGroupSpec:
			if !slices.Contains(LogRetention, s.RetentionDays) {
				c.add([]string{"log_retention_days"}, "a log retention of %d days is none that CloudWatch Logs has; choose one of %v (CloudWatch Logs API Reference, PutRetentionPolicy)", s.RetentionDays, LogRetention)
			}
		}
	}
	if c.part = nil; len(c.problems) == 0 {
		c.redrive()
	}
	return c.problems
}

// maxActions is the greatest number of actions of one state of an alarm
// (CloudWatch API Reference, PutMetricAlarm, AlarmActions).
const maxActions = 5

var sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (c *checker) hashedList(s HashedListSpec) {
	local, remote := s.File != "", s.SourceBucket != "" && s.SourceKey != ""
	switch {
	case local == remote:
		c.add(nil, "give the list either as a file or as an S3 URI (s3://bucket/key)")
	case local && !sha256Pattern.MatchString(s.SHA256) && !HasUnknown(s.SHA256):
		c.add(nil, "the list's SHA-256 is %q; give 64 hexadecimal digits, as the function filesha256 returns them", s.SHA256)
	case remote && s.SHA256 != "":
		c.add(nil, "a SHA-256 goes with a file; for a list in S3 give the object's version id or ETag")
	case remote && s.VersionID != "" && s.ETag != "":
		c.add(nil, "give the list's version id or its ETag, not both")
	}
}

// LogRetention are the retention periods in days that CloudWatch Logs has
// (CloudWatch Logs API Reference, PutRetentionPolicy).
var LogRetention = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

type checker struct {
	blue     *Blueprint
	part     *Part
	problems []Problem
}

func (c *checker) add(argument []string, format string, args ...any) {
	p := Problem{Argument: argument, Message: Readable(fmt.Sprintf(format, args...))}
	if c.part != nil {
		p.Part = c.part.Key
	}
	c.problems = append(c.problems, p)
}

func (c *checker) between(what string, n, low, high int, unit, source string, argument []string) {
	if n < low || n > high {
		c.add(argument, "%s is %d %s; AWS takes %d to %d (%s)", what, n, unit, low, high, source)
	}
}

func (c *checker) atMost(what string, n, limit int, unit, source string) {
	if n > limit {
		c.add(nil, "the %s would have up to %d %s; AWS takes at most %d (%s)", what, n, unit, limit, source)
	}
}

// maxTags leaves room for the three marks of ownership among AWS's 50 (Tagging
// AWS Resources, "Tag naming limits").
const maxTags = 50 - 3

func (c *checker) settings() {
	s := c.blue.Settings
	if err := CheckName(s.Name); err != nil {
		c.add([]string{"name"}, "%s", err)
	}
	if len(s.System.Slug) > maxSlug {
		c.add(nil, "the slug %q of system %s is longer than %d characters", s.System.Slug, s.System.Name, maxSlug)
	}
	if len(s.AlarmEmails) > 0 && !s.AlarmTopic {
		c.add([]string{"alarms", "emails"}, "the addresses need a topic to subscribe to; leave topic out, or set it to true")
	}
	actions := len(s.AlarmActions)
	if s.AlarmTopic {
		actions++
	}
	if s.Alarms && actions > maxActions {
		c.add([]string{"alarms", "actions"}, "the alarms would notify %d actions, their own topic among them; CloudWatch takes at most %d (CloudWatch API Reference, PutMetricAlarm)", actions, maxActions)
	}
	if len(s.Tags) > maxTags {
		c.add([]string{"tags"}, "there are %d tags; at most %d leave room, among the 50 that AWS takes (Tagging AWS Resources, Tag naming limits), for the three by which the provider knows its own", len(s.Tags), maxTags)
	}
	for _, k := range slices.Sorted(maps.Keys(s.Tags)) {
		v := s.Tags[k]
		switch {
		case k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256:
			c.add([]string{"tags"}, "tag %q: keys have 1 to 128 characters, values at most 256 (Tagging AWS Resources, Tag naming limits)", k)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			c.add([]string{"tags"}, "tag %q: the prefix aws: is reserved by AWS (Tagging AWS Resources, Tag naming limits)", k)
		case k == TagSystem || k == TagName || k == TagPart:
			c.add([]string{"tags"}, "tag %q is set by the provider itself, which knows its parts by it", k)
		}
	}
	var functions []string
	for _, p := range c.blue.Parts {
		if _, ok := p.Spec.(FunctionSpec); ok {
			functions = append(functions, p.Key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Functions)) {
		if !slices.Contains(functions, key) {
			c.add([]string{"functions"}, "there is no function %q; this system has %s", key, strings.Join(functions, ", "))
		}
	}
}

// structure checks what only a mistake in a system's code can get wrong.
func (c *checker) structure() {
	seen := map[string]bool{}
	for _, p := range c.blue.Parts {
		for _, key := range append([]string{p.Key}, p.Former...) {
			if seen[key] {
				c.add(nil, "the key %q is used twice", key)
			}
			seen[key] = true
		}
		for _, dep := range c.blue.Dependencies(p) {
			if c.blue.Part(dep) == nil {
				c.add(nil, "part %q refers to %q, which does not exist", p.Key, dep)
			}
		}
	}
	c.controls()
	if len(c.problems) == 0 {
		if cycle := c.blue.cycle(); cycle != nil {
			c.add(nil, "parts depend on each other in a circle: %s", strings.Join(cycle, " → "))
		}
	}
}

// cycle returns the keys of one circle of dependencies, or nil.
func (b *Blueprint) cycle() []string {
	const visiting, done = 1, 2
	state := map[string]int{}
	var walk func(key string, path []string) []string
	walk = func(key string, path []string) []string {
		path = append(path, key)
		if state[key] == visiting {
			return path[slices.Index(path, key):]
		}
		if state[key] == done {
			return nil
		}
		state[key] = visiting
		for _, dep := range b.Dependencies(b.Part(key)) {
			if found := walk(dep, path); found != nil {
				return found
			}
		}
		state[key] = done
		return nil
	}
	for _, p := range b.Parts {
		if found := walk(p.Key, nil); found != nil {
			return found
		}
	}
	return nil
}

// nameLimits are the greatest lengths of names (each service's API Reference,
// at its create call; S3 User Guide, "Bucket naming rules").
var nameLimits = map[string]int{
	"function": 64, "role": 64, "queue": 80, "table": 255, "bucket": 63, "log_group": 512, "schedule": 64, "alarm": 255, "dashboard": 255,
	"topic": 256, "stream": 128, "secret": 1011, "signing_key": 256,
	"http_api": 128, "identity_pool": 128, "domain_name": 512,
	"edge_function": 64, "origin_access_control": 64,
}

func (c *checker) name() {
	limit, ok := nameLimits[c.part.Spec.Kind()]
	if n := c.blue.longest(c.part.Name); ok && n > limit {
		c.add([]string{"name"}, "its name %s has up to %d characters; a %s's has at most %d: give a shorter name", c.part.Name, n, strings.ReplaceAll(c.part.Spec.Kind(), "_", " "), limit)
	}
}

// reservedVariables cannot be set by a function's configuration (Lambda
// Developer Guide, "Defined runtime environment variables").
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func (c *checker) function(s FunctionSpec) {
	at := func(argument string) []string { return []string{"functions", c.part.Key, argument} }
	c.between("memory", s.MemoryMB, 128, 10240, "MB", "Lambda quotas", at("memory_mb"))
	c.between("time-out", s.Timeout, 1, 900, "s", "Lambda quotas", at("timeout_seconds"))
	if s.ReservedConcurrency < NoReservation {
		c.add(at("reserved_concurrency"), "reserved concurrency is %d; give a count of executions, or -1 for no reservation", s.ReservedConcurrency)
	}
	size := 0
	for _, k := range slices.Sorted(maps.Keys(s.Environment)) {
		size += len(k) + c.blue.longest(s.Environment[k])
		if slices.Contains(reservedVariables, k) {
			c.add(nil, "the environment variable %s is reserved by Lambda (Lambda Developer Guide, Defined runtime environment variables)", k)
		}
	}
	c.atMost("environment", size, 4096, "bytes", "Lambda quotas, Environment variables")
}

func (c *checker) role(s RoleSpec) {
	c.atMost("policy", c.blue.longest(s.Policy.JSON()), 10240, "characters", "IAM quotas, Role inline policies")
	c.atMost("trust policy", c.blue.longest(s.Trust.JSON()), 2048, "characters", "IAM quotas, Role trust policy length")
	c.atMost("description", len(s.Description), 1000, "characters", "IAM API Reference, CreateRole")
	if !strings.HasPrefix(s.Path, "/") || !strings.HasSuffix(s.Path, "/") || len(s.Path) > 512 {
		c.add([]string{"role_path"}, "the role path %q must begin and end with a slash and have at most 512 characters (IAM API Reference, CreateRole)", s.Path)
	}
}

// maxFilters is Lambda's, unless the quota was raised (Lambda quotas, event
// source mappings).
const maxFilters = 5

func (c *checker) mapping(s MappingSpec) {
	c.between("batch size", s.BatchSize, 1, 10000, "", "Lambda API Reference, CreateEventSourceMapping", nil)
	c.between("batching window", s.Window, 0, 300, "s", "Lambda API Reference, CreateEventSourceMapping", nil)
	if len(s.Filters) > maxFilters {
		c.add(nil, "there are %d filters; Lambda takes at most %d (Lambda quotas, event source mappings)", len(s.Filters), maxFilters)
	}
	if s.StartingPosition != "" {
		c.streamMapping(s)
		return
	}
	if s.BatchSize > 10 && s.Window < 1 {
		c.add(nil, "a batch of more than 10 messages needs a batching window of at least 1 s (Lambda API Reference, CreateEventSourceMapping)")
	}
	if s.MaxConcurrency != 0 {
		c.between("maximum concurrency", s.MaxConcurrency, 2, 1000, "", "Lambda API Reference, ScalingConfig", nil)
	}
	function, queue := c.blue.Target(s.Function), c.blue.Target(s.Source)
	if function == nil || queue == nil {
		return
	}
	f, isFunction := function.Spec.(FunctionSpec)
	q, isQueue := queue.Spec.(QueueSpec)
	if isFunction && isQueue && q.VisibilityTimeout < f.Timeout {
		c.add([]string{"functions", function.Key, "timeout_seconds"},
			"queue %q hides a message for %d s, less than the %d s that function %q may take; Lambda refuses that (Lambda Developer Guide, Using Lambda with Amazon SQS)",
			queue.Key, q.VisibilityTimeout, f.Timeout, function.Key)
	}
}

// Target returns the part whose name an ARN is made of, or nil.
func (b *Blueprint) Target(arn string) *Part {
	for _, ref := range References(arn) {
		if ref.Attribute == NameAttribute {
			return b.Part(ref.Part)
		}
	}
	return nil
}
