// Package blueprint describes everything a system wants to exist in AWS, as
// data, before anything does: its parts, how they refer to each other, and
// what each function may do. It is pure: it reads no clock, no environment
// and calls nothing; it reads the files that a system names. Plan, apply, drift, IAM policies, diagrams and golden
// tests are all derived from what is described here.
package blueprint

import (
	"maps"
	"slices"
	"time"
)

// Tag keys that mark a part as belonging to one deployed system. Ownership is
// judged by these alone.
const (
	TagSystem = "serverless:system"
	TagName   = "serverless:name"
	TagPart   = "serverless:part"
)

// System names a sort of system in every place where AWS or a user sees it.
type System struct {
	// Name is the resource type without prefix: "voting_window".
	Name string
	// Slug is the short form in physical names: "vote". At most 5 characters.
	Slug string
}

// Settings are the arguments that every system has. A Builder applies them to
// each part that they concern, so that a system never repeats them.
type Settings struct {
	System System
	// Name is the user's name for this deployed system; see CheckName.
	Name string
	// Tags are the merged default_tags and tags of the user.
	Tags map[string]string
	// KMSKeyARN encrypts queues, tables, log groups, private buckets and
	// function environments; empty means AWS's own keys.
	KMSKeyARN string
	// LogRetentionDays is one of CloudWatch Logs' retention periods, in days.
	LogRetentionDays int
	// PermissionsBoundaryARN is set on every role; empty for none.
	PermissionsBoundaryARN string
	// RolePath is the IAM path of every role, with leading and trailing slash.
	RolePath string
	// Architecture is arm64 or x86_64.
	Architecture string
	// BundleSHA256 is the hex SHA-256 of the zip with the system's functions.
	BundleSHA256 string
	// Released leaves the functions' aliases to a release: an apply publishes
	// versions and moves no alias that is there.
	Released bool
	// ForceDestroy allows parts that bear data to be deleted or replaced.
	ForceDestroy bool
	// Alarms is false to deploy none; AlarmActions are the ARNs they notify.
	Alarms       bool
	AlarmActions []string
	// AlarmTopic makes a topic that the alarms notify too, and AlarmEmails
	// subscribe to it.
	AlarmTopic  bool
	AlarmEmails []string
	// VPC attaches every function to subnets; nil for none.
	VPC *VPC
	// Functions holds what the user overrides, by function key.
	Functions map[string]FunctionSettings
}

// VPC is where functions get their network interfaces.
type VPC struct {
	SubnetIDs        []string `json:"subnet_ids"`
	SecurityGroupIDs []string `json:"security_group_ids"`
}

// FunctionSettings are the user's overrides for one function; nil keeps the
// system's own figure.
type FunctionSettings struct {
	MemoryMB *int
	Timeout  *time.Duration
	// ReservedConcurrency is a count of executions; -1 removes the reservation.
	ReservedConcurrency *int
}

// Spec is what one part should be. Its JSON form is canonical: it is what is
// digested, compared with AWS and pinned by golden tests.
//
// Struct tags speak to the engine: `fixed:"true"` marks what AWS cannot change
// in place, `unit:"s"` the unit in drift messages, `least:"true"` a number that
// AWS raises by itself and never lowers.
type Spec interface {
	// Kind names the code that manages the part: "queue".
	Kind() string
}

// Part is one AWS object of a blueprint.
type Part struct {
	// Key is stable within the blueprint: "votes".
	Key string
	// Former are keys this part had in earlier releases.
	Former []string
	// Name is the physical name, possibly with tokens for account and region.
	Name string
	Spec Spec
	// After lists keys that must exist before this part is created, beside
	// those that its spec refers to.
	After []string
	// RuntimeOwned are JSON names of top-level spec fields that functions or
	// operators change at run time: set at create, never compared after.
	RuntimeOwned []string
	// Data marks a part that bears the user's data: it is never deleted or
	// replaced without force_destroy.
	Data bool
	// Redrive of a dead-letter queue, where its system says it.
	Redrive Redrive
}

// Blueprint is the finished description of one deployed system.
type Blueprint struct {
	Settings Settings
	Parts    []*Part
	// Outputs are strings, possibly with tokens; OutputMaps maps of them.
	Outputs    map[string]string
	OutputMaps map[string]map[string]string
	// Event is the expected load; nil where none was given. PerEvent is what one
	// event makes AWS do, PerMonth what each month does.
	Event              *Event
	PerEvent, PerMonth []Usage
	// Controls are the arguments that may be overridden while the system runs.
	Controls []*Control
	// Readership says where functions tell which items they read; nil where none
	// do.
	Readership *Readership

	byKey map[string]*Part
}

// Part returns the part with that key, or nil.
func (b *Blueprint) Part(key string) *Part { return b.byKey[key] }

// Tags returns all tags of a part: the user's and the marks of ownership.
func (b *Blueprint) Tags(key string) map[string]string {
	tags := maps.Clone(b.Settings.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, b.Ownership(key))
	return tags
}

// Ownership returns the tags that mark a part as this system's.
func (b *Blueprint) Ownership(key string) map[string]string {
	return Ownership(b.Settings.System, b.Settings.Name, key)
}

// Ownership returns the tags that mark a part as belonging to a system.
func Ownership(system System, name, key string) map[string]string {
	return map[string]string{TagSystem: system.Name, TagName: name, TagPart: key}
}

// Dependencies returns the keys that must exist before the part: what it
// declares and what its spec refers to by an attribute that only AWS knows.
// Names and what is made of them are known beforehand and order nothing.
func (b *Blueprint) Dependencies(p *Part) []string {
	seen := map[string]bool{}
	for _, key := range p.After {
		seen[key] = true
	}
	for _, ref := range b.AttributeReferences(p) {
		seen[ref.Part] = true
	}
	delete(seen, p.Key)
	return slices.Sorted(maps.Keys(seen))
}

// AttributeReferences lists what the part's spec takes from other parts that
// only AWS knows: ids and URLs, not names.
func (b *Blueprint) AttributeReferences(p *Part) []Reference {
	var out []Reference
	for _, s := range specStrings(p.Spec) {
		for _, ref := range References(s) {
			if ref.Attribute != NameAttribute {
				out = append(out, ref)
			}
		}
	}
	return out
}

// Builder collects the parts of a blueprint.
type Builder struct {
	settings Settings
	blue     *Blueprint
	// alarmTopic is there from the first alarm on, where the user wants one.
	alarmTopic *TopicHandle
}

// NewBuilder starts a blueprint.
func NewBuilder(s Settings) *Builder {
	return &Builder{settings: s, blue: &Blueprint{
		Settings:   s,
		Outputs:    map[string]string{},
		OutputMaps: map[string]map[string]string{AlarmsOutput: {}, VersionsOutput: {}},
		byKey:      map[string]*Part{},
	}}
}

// Settings returns the arguments common to all systems.
func (b *Builder) Settings() Settings { return b.settings }

// Output names a value for composers: a literal, a reference or both.
func (b *Builder) Output(name, value string) { b.blue.Outputs[name] = value }

// OutputMap names a map of values for composers.
func (b *Builder) OutputMap(name string, values map[string]string) { b.blue.OutputMaps[name] = values }

// Blueprint finishes the description. It does not validate; see Validate.
func (b *Builder) Blueprint() *Blueprint { return b.blue }

// Handle refers to a part while others are described.
type Handle struct{ part *Part }

// Key returns the part's key.
func (h Handle) Key() string { return h.part.Key }

// Name returns a reference to the part's physical name.
func (h Handle) Name() string { return Ref(h.part.Key, NameAttribute) }

// Formerly declares keys that this part had in earlier releases.
func (h Handle) Formerly(keys ...string) { h.part.Former = append(h.part.Former, keys...) }

// add puts a part into the blueprint. A key used twice is a mistake in a
// system's code, found by Validate.
func (b *Builder) add(key, name string, spec Spec, after ...string) Handle {
	p := &Part{Key: key, Name: name, Spec: spec, After: after}
	b.blue.Parts = append(b.blue.Parts, p)
	if _, twice := b.blue.byKey[key]; !twice {
		b.blue.byKey[key] = p
	}
	return Handle{part: p}
}
