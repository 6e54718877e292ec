package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/spf13/cobra"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/command"
	"github.com/burstline/terraform-provider-serverless/internal/deploy"
)

// report is a system at a glance. Its JSON form is for scripts: fields may be
// added, and none changes its meaning. Times are RFC 3339.
type report struct {
	System  string `json:"system"`
	Name    string `json:"name"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// Healthy is true when nothing is wrong and all could be read.
	Healthy bool `json:"healthy"`
	// Wrong says what is, and what to do about it; Unread what could not be read.
	Wrong  []string `json:"wrong"`
	Unread []string `json:"unread"`
	// State of the manifest: creating, ready, updating or destroying.
	State    deploy.Status `json:"state"`
	Provider string        `json:"provider"`
	AtWork   *work         `json:"at_work"`
	// FunctionsSHA256 is the hex digest of the functions' zip.
	FunctionsSHA256 string                    `json:"functions_sha256"`
	Functions       map[string]functionStatus `json:"functions"`
	// Parts is the number of parts that exist; Drift has a line for each that is
	// not as it was applied; Pending are those that this version of the provider
	// would change.
	Parts   int               `json:"parts"`
	Drift   map[string]string `json:"drift"`
	Pending []string          `json:"pending"`
	// Overrides are in force instead of arguments, by the argument's name.
	Overrides map[string]override    `json:"overrides"`
	Queues    map[string]queueStatus `json:"queues"`
	Alarms    map[string]alarmStatus `json:"alarms"`
	// Facts are what the system tells of itself: a vote's results.
	Facts []command.Fact `json:"facts"`
}

// override is what is in force instead of an argument; who set it and when are
// empty where nobody has written them down.
type override struct {
	Value     string `json:"value"`
	InsteadOf string `json:"instead_of"`
	By        string `json:"by"`
	At        string `json:"at"`
}

// work is what somebody does to the system.
type work struct {
	Who       string    `json:"who"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
	// Alive is false when its holder shows no sign of life: it has crashed.
	Alive bool `json:"alive"`
}

type functionStatus struct {
	// LiveVersion is the version that the live alias points to.
	LiveVersion string `json:"live_version"`
	// Errors is the number of log lines that tell of an error in the last 15
	// minutes, up to maxErrors; LastError is the newest of them.
	Errors    int    `json:"errors"`
	LastError string `json:"last_error,omitempty"`
}

// queueStatus is what a queue holds, in messages, approximately.
type queueStatus struct {
	Visible     int  `json:"visible"`
	InFlight    int  `json:"in_flight"`
	Delayed     int  `json:"delayed"`
	DeadLetters bool `json:"dead_letters"`
}

type alarmStatus struct {
	State  string    `json:"state"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

func (t *tool) status() *cobra.Command {
	return &cobra.Command{
		Use: "status SYSTEM NAME", Args: arguments("SYSTEM", "NAME"),
		Short: "Show a system at a glance",
		Long: `Shows who is at work on a system, its functions' versions and last errors, what differs from what was applied, how much waits in its queues, and which alarms ring.
It only reads. The exit code is 3 when something is wrong: an apply that stopped half-way, drift, dead letters, a ringing alarm. What is wrong is listed with what to do.`,
		Example: `  terraform-provider-serverless status voting_window tv-final
  terraform-provider-serverless status voting_window tv-final --output json | jq .wrong`,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := t.open(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			r := t.look(cmd.Context(), d)
			if t.output == outputJSON {
				err = writeJSON(cmd.OutOrStdout(), r)
			} else {
				err = r.write(cmd.OutOrStdout())
			}
			switch {
			case err != nil:
				return err
			case len(r.Wrong) > 0:
				return unwell
			case len(r.Unread) > 0:
				return errors.New("not everything could be read, so nobody can say that all is well")
			}
			return nil
		},
	}
}

// viewer gathers a report; its looks run at the same time.
type viewer struct {
	*deployed
	now time.Time

	mu sync.Mutex
	report
}

// look gathers the report.
func (t *tool) look(ctx context.Context, d *deployed) *report {
	m := d.manifest
	v := &viewer{deployed: d, now: t.clock.Now(), report: report{
		System: d.system.Name, Name: d.name, Account: d.account, Region: d.client.Region(), Wrong: []string{}, Unread: []string{},
		State: m.Status, Provider: m.Provider, FunctionsSHA256: m.BundleSHA256, Functions: map[string]functionStatus{},
		Parts: len(m.Parts), Drift: map[string]string{}, Pending: []string{}, Overrides: map[string]override{}, Queues: map[string]queueStatus{}, Alarms: map[string]alarmStatus{}, Facts: []command.Fact{},
	}}
	if c := m.Claim; c != nil {
		v.AtWork = &work{Who: c.Who, Operation: c.Operation, Since: c.Since, Alive: d.atWork}
	}
	dead := map[string]bool{}
	b, err := d.blueprint(ctx)
	if err != nil {
		v.unread("drift and dead letters", err)
	} else {
		for _, r := range b.RedriveRoutes() {
			dead[r.DeadLetters] = true
		}
	}
	var all sync.WaitGroup
	for _, key := range d.keys(functionKind) {
		all.Go(func() { v.function(ctx, key) })
	}
	for _, key := range d.keys(queueKind) {
		all.Go(func() { v.queue(ctx, key, dead[key]) })
	}
	all.Go(func() { v.alarms(ctx) })
	all.Go(func() { v.facts(ctx) })
	if b != nil {
		all.Go(func() { v.drift(ctx, b) })
	}
	all.Wait()
	v.judge()
	return &v.report
}

func (v *viewer) unread(what string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Unread = append(v.Unread, what+": "+err.Error())
}

// function reads the live version and the last errors of one function.
func (v *viewer) function(ctx context.Context, key string) {
	name := v.manifest.Parts[key].Name
	var s functionStatus
	alias, err := v.client.Lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &name, Name: aws.String(blueprint.LiveAlias)})
	var noAlias *lambdatypes.ResourceNotFoundException
	switch {
	case errors.As(err, &noAlias): // Drift says so.
	case err != nil:
		v.unread("live version of "+key, err)
	default:
		s.LiveVersion = aws.ToString(alias.FunctionVersion)
	}
	if err := v.lastErrors(ctx, name, &s); err != nil {
		v.unread("last errors of "+key, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Functions[key] = s
}

// queue reads what one queue holds.
func (v *viewer) queue(ctx context.Context, key string, dead bool) {
	depth, err := depthOf(ctx, v.client.SQS, v.manifest.Parts[key].Attributes["url"])
	var missing *sqstypes.QueueDoesNotExist
	if errors.As(err, &missing) { // Drift says so.
		return
	}
	if err != nil {
		v.unread("queue "+key, err)
		return
	}
	depth.DeadLetters = dead
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Queues[key] = depth
}

func depthOf(ctx context.Context, client *sqs.Client, url string) (queueStatus, error) {
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed,
	}})
	if err != nil {
		return queueStatus{}, err
	}
	number := func(name sqstypes.QueueAttributeName) int {
		n, _ := strconv.Atoi(out.Attributes[string(name)]) // SQS writes numbers.
		return n
	}
	return queueStatus{
		Visible:  number(sqstypes.QueueAttributeNameApproximateNumberOfMessages),
		InFlight: number(sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		Delayed:  number(sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed),
	}, nil
}

// maxAlarms is the greatest number of names in DescribeAlarms (CloudWatch API
// Reference).
const maxAlarms = 100

// alarms reads the states of all alarms.
func (v *viewer) alarms(ctx context.Context) {
	keys := map[string]string{}
	var names []string
	for _, key := range v.keys(alarmKind) {
		name := v.manifest.Parts[key].Name
		keys[name] = key
		names = append(names, name)
	}
	for some := range slices.Chunk(names, maxAlarms) {
		out, err := v.client.CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: some, MaxRecords: aws.Int32(maxAlarms), AlarmTypes: []cloudwatchtypes.AlarmType{cloudwatchtypes.AlarmTypeMetricAlarm, cloudwatchtypes.AlarmTypeCompositeAlarm},
		})
		if err != nil {
			v.unread("alarms", err)
			return
		}
		v.mu.Lock()
		for _, a := range out.MetricAlarms {
			v.Alarms[keys[aws.ToString(a.AlarmName)]] = alarmStatus{
				State: string(a.StateValue), Since: aws.ToTime(a.StateUpdatedTimestamp).UTC(), Reason: aws.ToString(a.StateReason),
			}
		}
		for _, a := range out.CompositeAlarms {
			v.Alarms[keys[aws.ToString(a.AlarmName)]] = alarmStatus{
				State: string(a.StateValue), Since: aws.ToTime(a.StateUpdatedTimestamp).UTC(), Reason: aws.ToString(a.StateReason),
			}
		}
		v.mu.Unlock()
	}
}

// facts asks the system for its own.
func (v *viewer) facts(ctx context.Context) {
	if v.system.Facts == nil {
		return
	}
	facts, err := v.system.Facts(ctx, &reached{v.deployed}, v.now)
	if err != nil {
		v.unread("what the system tells of itself", err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Facts = append(v.Facts, facts...)
}

// drift compares AWS with what was applied.
func (v *viewer) drift(ctx context.Context, b *blueprint.Blueprint) {
	seen := v.engine.Observe(ctx, deploy.Input{Blueprint: b})
	for _, f := range seen.Failures {
		// What follows the cause is advice for an apply.
		cause, _, _ := strings.Cut(f.Detail, "\n\n")
		v.unread("drift", fmt.Errorf("%s: %s", f.Summary, cause))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, line := range seen.Drift {
		v.Drift[key] = line
	}
	for argument, o := range seen.Overrides {
		v.Overrides[argument] = override(o)
	}
	planned := map[string]bool{}
	for _, p := range b.Parts {
		digest, _ := b.Digest(p)
		rec, recorded := v.manifest.Parts[p.Key]
		planned[p.Key] = true
		for _, former := range p.Former {
			planned[former] = true
		}
		if !recorded || rec.Digest != digest {
			v.Pending = append(v.Pending, p.Key)
		}
	}
	for key := range v.manifest.Parts {
		if !planned[key] {
			v.Pending = append(v.Pending, key)
		}
	}
	slices.Sort(v.Pending)
}

// judge says what is wrong and what to do. While somebody is at work on the
// system, half-made and differing parts are to be expected.
func (v *viewer) judge() {
	wrong := func(format string, args ...any) { v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...)) }
	working := v.AtWork != nil && v.AtWork.Alive
	if !working && (v.State != deploy.Ready || v.AtWork != nil) {
		again := "terraform apply"
		if v.State == deploy.Destroying {
			again = "terraform destroy"
		}
		wrong("the last change stopped half-way (%s): run %s, which goes on from there", v.State, again)
	}
	for _, key := range v.keys(queueKind) {
		if q := v.Queues[key]; q.DeadLetters && q.Visible+q.InFlight > 0 {
			wrong("%d messages wait in %s: find the cause in the consumer's log, then run terraform-provider-serverless redrive %s %s %s", q.Visible+q.InFlight, key, v.System, v.Name, key)
		}
	}
	for _, key := range v.keys(alarmKind) {
		if a := v.Alarms[key]; a.State == string(cloudwatchtypes.StateValueAlarm) {
			wrong("the alarm %s rings since %s: %s", key, a.Since.Format(time.RFC3339), a.Reason)
		}
	}
	if n := len(v.Drift); n > 0 && !working {
		wrong("parts that differ from what was applied: %d; run terraform plan and apply, which repairs them", n)
	}
	slices.Sort(v.Unread)
	v.Healthy = len(v.Wrong) == 0 && len(v.Unread) == 0
}
