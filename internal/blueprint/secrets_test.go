package blueprint

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// secretive describes a system with a secret, a signing key and a list, and a
// function that reads them.
func secretive(s Settings, l HashedList) *Builder {
	b := NewBuilder(s)
	bucket := b.Bucket("results", Bucket{})
	secret := b.Secret("voter-key", Secret{})
	signer := b.SigningKey("signer", SigningKey{Description: "Signs exports."})
	list := b.HashedList("allow-list", bucket, "allow.bin", secret, l)
	b.Function("recorder", Function{
		MemoryMB: 256, Timeout: 10 * time.Second,
		Environment: map[string]string{"VOTER_KEY_PARAMETER": secret.Name(), "ALLOW_ENTRIES": list.Entries()},
		Grants:      [][]Grant{secret.Read(), signer.Sign(), signer.PublicKey(), list.Read()},
	})
	return b
}

const listSHA256 = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"

func TestSecretGrants(t *testing.T) {
	s := testSettings()
	s.KMSKeyARN = "arn:aws:kms:eu-central-1:123456789012:key/1"
	blue := secretive(s, HashedList{File: "voters.txt", SHA256: listSHA256}).Blueprint()
	if problems := blue.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	place := Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
	resolved, err := ResolveSpec(blue.Part("recorder-role").Spec, func(text string) (string, error) {
		return Resolve(text, place, func(ref Reference) (string, bool) {
			if ref.Attribute != NameAttribute {
				return "8d5d0ac6", true
			}
			name, err := Resolve(blue.Part(ref.Part).Name, place, nil)
			return name, err == nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	role, _ := resolved.(RoleSpec)
	var got []string
	for _, st := range role.Policy.Statement {
		for _, action := range st.Action {
			if service, _, _ := strings.Cut(action, ":"); service == "ssm" || service == "kms" || service == "s3" {
				got = append(got, action+" "+strings.Join(st.Resource, " "))
			}
		}
	}
	slices.Sort(got)
	want := []string{
		"kms:Decrypt arn:aws:kms:eu-central-1:123456789012:key/1",
		"kms:GetPublicKey arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6",
		"kms:Sign arn:aws:kms:eu-central-1:123456789012:key/8d5d0ac6",
		"s3:GetObject arn:aws:s3:::tv-final-vote-results-123456789012-euc1/allow.bin",
		"ssm:GetParameter arn:aws:ssm:eu-central-1:123456789012:parameter/serverless/secrets/tv-final-vote-voter-key-euc1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	for key, data := range map[string]bool{"voter-key": true, "signer": false, "allow-list": false} {
		if blue.Part(key).Data != data {
			t.Errorf("%s bears data: %t, want %t", key, !data, data)
		}
	}
	// A new key is told to whom it is granted, a new value to the list.
	for key, want := range map[string][]string{"recorder-role": {"signer"}, "allow-list": {"results", "voter-key"}} {
		if diff := cmp.Diff(want, blue.Dependencies(blue.Part(key))); diff != "" {
			t.Errorf("%s: want -, have +:\n%s", key, diff)
		}
	}
	picture := blue.Diagram()
	for _, line := range []string{`n_voter_key[/"voter-key<br/><small>secret</small>"/]`, `n_signer -->|"signs for"| n_recorder`, `n_voter_key -->|"read by"| n_recorder`} {
		if !strings.Contains(picture, line) {
			t.Errorf("the picture lacks %s:\n%s", line, picture)
		}
	}
}

func TestHashedListSources(t *testing.T) {
	for name, c := range map[string]struct {
		list HashedList
		want string
	}{
		"file":              {HashedList{File: "voters.txt", SHA256: listSHA256}, ""},
		"unknown digest":    {HashedList{File: "voters.txt", SHA256: Unknown("allow_list.sha256")}, ""},
		"file, no digest":   {HashedList{File: "voters.txt"}, "64 hexadecimal digits"},
		"S3":                {HashedList{URI: "s3://lists/a/voters.txt"}, ""},
		"S3 version":        {HashedList{URI: "s3://lists/voters.txt", VersionID: "v1"}, ""},
		"S3 quoted ETag":    {HashedList{URI: "s3://lists/voters.txt", ETag: `"abc"`}, ""},
		"S3 ETag, version":  {HashedList{URI: "s3://lists/voters.txt", ETag: "abc", VersionID: "v1"}, "not both"},
		"S3 and a digest":   {HashedList{URI: "s3://lists/voters.txt", SHA256: listSHA256}, "goes with a file"},
		"both":              {HashedList{URI: "s3://lists/voters.txt", File: "voters.txt", SHA256: listSHA256}, "either as a file or as an S3 URI"},
		"neither":           {HashedList{}, "either as a file or as an S3 URI"},
		"another protocol":  {HashedList{URI: "https://lists/voters.txt"}, "either as a file or as an S3 URI"},
		"S3 without object": {HashedList{URI: "s3://lists"}, "either as a file or as an S3 URI"},
	} {
		blue := secretive(testSettings(), c.list).Blueprint()
		problems := blue.Validate()
		if c.want == "" && len(problems) > 0 || c.want != "" && (len(problems) != 1 || !strings.Contains(problems[0].Message, c.want)) {
			t.Errorf("%s: the problems are %v, want %q", name, problems, c.want)
		}
		if spec, _ := blue.Part("allow-list").Spec.(HashedListSpec); spec.ETag != "" && spec.ETag != "abc" || c.list.URI == "s3://lists/a/voters.txt" && spec.Source() != c.list.URI {
			t.Errorf("%s: the spec is %+v", name, spec)
		}
	}
}

// TestVersionsOfLists: each list has its own, at whatever path, and one that a plan does
// not know leaves open what reads it.
func TestVersionsOfLists(t *testing.T) {
	version := func(l HashedList) string {
		b := NewBuilder(testSettings())
		return b.HashedList("allow-list", b.Bucket("lists", Bucket{}), "allow.bin", b.Secret("voter-key", Secret{}), l).Version()
	}
	here := version(HashedList{File: "voters.txt", SHA256: listSHA256})
	if version(HashedList{File: "/ci/voters.txt", SHA256: listSHA256}) != here || version(HashedList{File: "voters.txt", SHA256: strings.Repeat("0", 64)}) == here {
		t.Errorf("the version is %s", Readable(here))
	}
	if !strings.HasSuffix(here, Ref("allow-list", "entries")) {
		t.Errorf("the version %s does not wait for the list", Readable(here))
	}
	if unknown := version(HashedList{URI: "s3://lists/voters.txt", ETag: Unknown("allow_list.etag")}); !HasUnknown(unknown) {
		t.Errorf("the version of a list that is not known is %s", Readable(unknown))
	}
}

// TestListAtAnotherPath: where a local list is makes no difference.
func TestListAtAnotherPath(t *testing.T) {
	here := secretive(testSettings(), HashedList{File: "voters.txt", SHA256: listSHA256}).Blueprint()
	there := secretive(testSettings(), HashedList{File: "/ci/voters.txt", SHA256: listSHA256}).Blueprint()
	other := secretive(testSettings(), HashedList{File: "voters.txt", SHA256: strings.Repeat("0", 64)}).Blueprint()
	digest := func(b *Blueprint) string {
		d, _ := b.Digest(b.Part("allow-list"))
		return d
	}
	if digest(here) != digest(there) || digest(here) == digest(other) || !SameObject(digest(here), digest(other)) {
		t.Errorf("the digests are %s, %s and %s", digest(here), digest(there), digest(other))
	}
}

func TestAlarmTopic(t *testing.T) {
	alarms := func(change func(*Settings)) *Blueprint {
		s := testSettings()
		change(&s)
		b := NewBuilder(s)
		q := b.Queue("dead", Queue{})
		b.AlarmNotEmpty("dead-letters", q, "dead letters")
		b.AlarmAge("waiting", q, 60, "too old")
		return b.Blueprint()
	}
	none := alarms(func(s *Settings) { s.AlarmTopic, s.AlarmEmails, s.Alarms = true, []string{"a@example.com"}, false })
	if len(none.Parts) != 1 || len(none.Outputs) != 0 {
		t.Errorf("without alarms there are %d parts and outputs %v", len(none.Parts), none.Outputs)
	}
	blue := alarms(func(s *Settings) { s.AlarmTopic, s.AlarmEmails = true, []string{"b@example.com", "a@example.com"} })
	if problems := blue.Validate(); len(problems) > 0 {
		t.Fatal(problems)
	}
	var keys []string
	for _, p := range blue.Parts {
		keys = append(keys, p.Key)
	}
	slices.Sort(keys)
	if diff := cmp.Diff([]string{"alarm-topic", "alarm-topic-mail-08168cd8", "alarm-topic-mail-e8f39b3e", "dead", "dead-letters", "waiting"}, keys); diff != "" {
		t.Errorf("want -, have +:\n%s", diff)
	}
	alarm, _ := blue.Part("waiting").Spec.(AlarmSpec)
	if len(alarm.Actions) != 2 || !slices.Equal(alarm.Actions, alarm.OKActions) || !slices.Equal(blue.Dependencies(blue.Part("waiting")), []string{"alarm-topic"}) {
		t.Errorf("the alarm notifies %q and %q, after %v", alarm.Actions, alarm.OKActions, blue.Dependencies(blue.Part("waiting")))
	}
	if got, want := Readable(blue.Outputs[AlarmTopicOutput]), "arn:${aws.partition}:sns:${aws.region}:${aws.account}:${alarm-topic.name}"; got != want {
		t.Errorf("the output is %s, want %s", got, want)
	}
	topic, _ := blue.Part("alarm-topic").Spec.(TopicSpec)
	condition := topic.Policy.Statement[0].Condition
	if got := Readable(condition["ArnLike"]["aws:SourceArn"][0]); !strings.HasSuffix(got, ":alarm:tv-final-vote-*") {
		t.Errorf("alarms that may publish are %s", got)
	}
	// Known names may sort otherwise than the tokens that stood for them.
	resolved, err := ResolveSpec(alarm, func(text string) (string, error) {
		return strings.ReplaceAll(text, "arn:aws:sns:eu-central-1:123456789012:ops", "z"), nil
	})
	if got, _ := resolved.(AlarmSpec); err != nil || got.Actions[1] != "z" || got.OKActions[1] != "z" {
		t.Errorf("resolved, the alarm notifies %q, %v", got.Actions, err)
	}
	for name, c := range map[string]struct {
		change func(*Settings)
		want   string
	}{
		"six actions": {func(s *Settings) { s.AlarmTopic, s.AlarmActions = true, []string{"a", "b", "c", "d", "e"} }, "at most 5"},
		"no topic":    {func(s *Settings) { s.AlarmEmails = []string{"a@example.com"} }, "need a topic"},
	} {
		problems := alarms(c.change).Validate()
		if len(problems) == 0 || !strings.Contains(problems[0].Message, c.want) || problems[0].Argument[0] != "alarms" {
			t.Errorf("%s: the problems are %v", name, problems)
		}
	}
}
