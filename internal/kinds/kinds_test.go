package kinds

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/localaws"
	"github.com/burstline/terraform-provider-serverless/internal/localaws/localtest"
)

const (
	testRegion  = "us-east-1"
	testAccount = "000000000000"
)

// local is the one local AWS of this package's tests, env what the kinds work
// with there.
var (
	local   *localaws.Local
	env     Env
	drivers map[string]Driver
)

type realClock struct{}

func (realClock) Now() time.Time                         { return time.Now() }
func (realClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func TestMain(m *testing.M) {
	os.Exit(localtest.Main(m, localaws.Options{}, func(l *localaws.Local) error {
		local = l
		client, err := connect(context.Background(), "test", "test")
		if err != nil {
			return err
		}
		env = Env{AWS: client, Clock: realClock{}, Content: content, Random: rand.Reader}
		drivers = All(env)
		return nil
	}))
}

func connect(ctx context.Context, key, secret string) (*awsclient.Client, error) {
	client, failure := awsclient.New(ctx, awsclient.Config{Region: testRegion, AccessKey: key, SecretKey: secret, Endpoint: local.Endpoint(), PathStyle: true})
	if failure != nil {
		return nil, failure
	}
	return client, nil
}

// bundles are two bundles of functions by their digest, first and second.
var bundles = func() map[string][]byte {
	out := map[string][]byte{}
	for _, text := range []string{"first", "second"} {
		digest := sha256.Sum256(bundle(text))
		out[hex.EncodeToString(digest[:])] = bundle(text)
	}
	return out
}()

func content(_ context.Context, digest string) ([]byte, error) {
	if b, ok := bundles[digest]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("there is no bundle %s", digest)
}

func bundle(text string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("bootstrap")
	if err == nil {
		_, err = f.Write([]byte("#!/bin/sh\n# " + text + "\n"))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		panic(err) // writing to memory cannot fail
	}
	return b.Bytes()
}

func digestOf(text string) string {
	digest := sha256.Sum256(bundle(text))
	return hex.EncodeToString(digest[:])
}

// begin empties the local AWS.
func begin(t *testing.T) {
	t.Helper()
	if err := local.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the local AWS wrote:\n%s", local.Logs())
		}
	})
}

// ownTags are what every part of the tests carries; "old" is retired later.
func ownTags(key string) map[string]string {
	tags := blueprint.Ownership(blueprint.System{Name: "voting_window", Slug: "vote"}, "tv", key)
	tags["team"], tags["old"] = "live shows", "1"
	return tags
}

func targetOf(name string) *Target {
	return &Target{Key: "part", Name: name, Tags: ownTags("part"), Force: true}
}

// made creates a part that a test needs, and returns its target with the
// attributes that a manifest would have recorded.
func made(t *testing.T, name string, spec blueprint.Spec) *Target {
	t.Helper()
	target := targetOf(name)
	attributes, err := drivers[spec.Kind()].Create(t.Context(), target, spec)
	if err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
	target.Attributes = attributes
	return target
}

func observe(t *testing.T, kind string, target *Target) *Observation {
	t.Helper()
	live, err := drivers[kind].Observe(t.Context(), target)
	if err != nil {
		t.Fatalf("observe %s: %v", target.Name, err)
	}
	return live
}

// differences returns the names of the fields that differ from want.
func differences(want blueprint.Spec, live *Observation) []string {
	var out []string
	for _, d := range blueprint.Compare(want, live.Spec, nil) {
		out = append(out, d.Field.Name)
	}
	return out
}

// same fails the test where AWS has something else than want.
func same(t *testing.T, want blueprint.Spec, live *Observation) {
	t.Helper()
	for _, d := range blueprint.Compare(want, live.Spec, nil) {
		t.Errorf("%s", d.Text)
	}
}

// update does what the engine does with a part that exists: observe, change
// what differs, observe again, until nothing differs.
func update(t *testing.T, target *Target, want blueprint.Spec) {
	t.Helper()
	driver := drivers[want.Kind()]
	live := observe(t, want.Kind(), target)
	changed := Changes{}
	for _, d := range blueprint.Compare(want, live.Spec, nil) {
		changed[d.Field.Name] = true
	}
	attributes, err := driver.Update(t.Context(), target, want, live, changed)
	if err != nil {
		t.Fatalf("update %s: %v", target.Name, err)
	}
	target.Attributes = attributes
	same(t, want, observe(t, want.Kind(), target))
}

// observing returns how many API calls one Observe makes.
func observing(t *testing.T, kind string, target *Target) int {
	t.Helper()
	meter := local.Gate().Meter()
	mark := meter.Mark()
	observe(t, kind, target)
	return int(meter.Since(mark).Total())
}

func absent(t *testing.T, kind string, target *Target) {
	t.Helper()
	if live, err := drivers[kind].Observe(t.Context(), target); !errors.Is(err, ErrAbsent) {
		t.Errorf("observe gave %+v, %v; want %v", live, err, ErrAbsent)
	}
}

func remove(t *testing.T, kind string, target *Target) {
	t.Helper()
	if err := drivers[kind].Delete(t.Context(), target); err != nil {
		t.Fatalf("delete %s: %v", target.Name, err)
	}
}

// TestKinds takes every kind through the life of an object.
func TestKinds(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.spec.Kind(), func(t *testing.T) {
			begin(t)
			if c.setup != nil {
				c.setup(t)
			}
			if c.late != nil {
				c.spec, c.changes = c.late()
			}
			deploy(t, c)
			life(t, c)
		})
	}
	covered := map[string]bool{}
	for _, c := range cases() {
		covered[c.spec.Kind()] = true
	}
	for _, kind := range slices.Sorted(maps.Keys(drivers)) {
		if !covered[kind] {
			t.Errorf("kind %s has no case", kind)
		}
	}
}

// deploy goes on as a user who may do what the kind says that it needs, and
// nothing else but to give roles away and read bundles.
func deploy(t *testing.T, c kindCase) {
	t.Helper()
	place := blueprint.Place{Partition: "aws", Region: testRegion, Account: testAccount}
	var statements []blueprint.Statement
	grant := func(name string, spec blueprint.Spec) {
		for _, p := range drivers[spec.Kind()].Facts().Permissions {
			if own, ok := p.Of(place, name, spec); ok {
				statements = append(statements, blueprint.Statement{Effect: "Allow", Action: own.Actions, Resource: own.Resources, Condition: own.Condition})
			}
		}
	}
	grant(c.part, c.spec)
	for _, change := range c.changes {
		grant(c.part, change)
	}
	grant(testRole, roleBase())
	grant(testGuests, guestRoleBase("any"))
	grant(otherGuests, guestRoleBase("any"))
	grant(testTickRole, tickRoleBase())
	grant(testBucket+"/functions.zip", objectBase())
	client, name := env.AWS.IAM, aws.String("deployer")
	if _, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: name, PolicyName: name, PolicyDocument: aws.String(blueprint.NewPolicy(statements...).JSON()),
	}); err != nil {
		t.Fatal(err)
	}
	out, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		t.Fatal(err)
	}
	deployer, err := connect(t.Context(), aws.ToString(out.AccessKey.AccessKeyId), aws.ToString(out.AccessKey.SecretAccessKey))
	if err != nil {
		t.Fatal(err)
	}
	root := drivers
	drivers = All(Env{AWS: deployer, Clock: env.Clock, Content: env.Content, Random: env.Random})
	t.Cleanup(func() { drivers = root })
	// Who calls is asked once a process.
	if _, err := deployer.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func life(t *testing.T, c kindCase) {
	kind := c.spec.Kind()
	driver, facts := drivers[kind], drivers[kind].Facts()
	target := targetOf(c.part)
	absent(t, kind, target)
	remove(t, kind, target)

	target = made(t, c.part, c.spec)
	live := observe(t, kind, target)
	same(t, c.spec, live)
	if !maps.Equal(target.Attributes, live.Attributes) {
		t.Errorf("Create gave attributes %v, Observe %v", target.Attributes, live.Attributes)
	}
	if n := observing(t, kind, target); n != facts.ObserveCalls+facts.BatchCalls {
		t.Errorf("Observe made %d calls, declared are %d + %d a batch", n, facts.ObserveCalls, facts.BatchCalls)
	}
	adopted := observe(t, kind, targetOf(c.part))
	same(t, c.spec, adopted)
	if !maps.Equal(adopted.Attributes, target.Attributes) {
		t.Errorf("an adopted one has attributes %v, want %v", adopted.Attributes, target.Attributes)
	}
	if _, err := driver.Create(t.Context(), targetOf(c.part), c.spec); !errors.Is(err, ErrPresent) {
		t.Errorf("a second Create gave %v, want %v", err, ErrPresent)
	}
	same(t, c.spec, observe(t, kind, target))

	for _, change := range c.changes {
		live := observe(t, kind, target)
		if got := differences(change, live); len(got) == 0 {
			t.Errorf("nothing differs from %+v", change)
		}
		update(t, target, change)
	}
	update(t, target, c.spec)
	tagged(t, driver, target, c)

	remove(t, kind, target)
	absent(t, kind, target)
	remove(t, kind, target)
	target = made(t, c.part, c.spec) // the name is free again
	remove(t, kind, target)

	if c.half == nil {
		return
	}
	if err := c.half(t.Context(), target.Tags); err != nil {
		t.Fatal(err)
	}
	target = targetOf(c.part)
	if got := differences(c.spec, observe(t, kind, target)); len(got) == 0 {
		t.Error("a half-made object looks whole")
	}
	update(t, target, c.spec)
	remove(t, kind, target)
}

// tagged adds a tag that others might have, then one of ours, and takes a
// retired one away.
func tagged(t *testing.T, driver Driver, target *Target, c kindCase) {
	t.Helper()
	kind := c.spec.Kind()
	switch driver.Facts().Ownership {
	case OwnedByParent:
		return
	case OwnedByMark:
		for k, v := range blueprint.Ownership(blueprint.System{Name: "voting_window"}, "tv", "part") {
			if got := observe(t, kind, target).Tags[k]; got != v {
				t.Errorf("mark %s is %q, want %q", k, got, v)
			}
		}
		return
	}
	if got := observe(t, kind, target).Tags; !maps.Equal(got, target.Tags) {
		t.Errorf("tags are %v, want %v", got, target.Tags)
	}
	if err := driver.Tag(t.Context(), target, map[string]string{"foreign": "yes"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := driver.Tag(t.Context(), target, map[string]string{"new": "1"}, []string{"old"}); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(target.Tags)
	want["foreign"], want["new"] = "yes", "1"
	delete(want, "old")
	live := observe(t, kind, target)
	if !maps.Equal(live.Tags, want) {
		t.Errorf("tags are %v, want %v", live.Tags, want)
	}
	same(t, c.spec, live)
}
