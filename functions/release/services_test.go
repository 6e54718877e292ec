package release

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// answering is AWS with one answer to everything, and the requests that were made: "GET /path body".
func answering(t *testing.T, status int, answer string) (aws.Config, *[]string) {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body)))
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, HTTPClient: server.Client(), Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}, &asked
}

func TestLambda(t *testing.T) {
	cfg, asked := answering(t, http.StatusOK, `{"FunctionVersion":"6","RevisionId":"r1","RoutingConfig":{"AdditionalVersionWeights":{"7":0.25}},"CodeSha256":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="}`)
	l := NewLambda(cfg)
	if a, there, err := l.Alias(t.Context(), join); err != nil || !there || a != (Alias{"6", "7", 0.25, "r1"}) {
		t.Errorf("the alias is %+v, %t, %v", a, there, err)
	}
	if d, there, err := l.Digest(t.Context(), join, "7"); err != nil || !there || d != "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" {
		t.Errorf("the digest is %s, %t, %v", d, there, err)
	}
	for _, to := range []Alias{{"6", "7", 0.1, "r1"}, {"7", "", 0, "r2"}} {
		if err := l.Move(t.Context(), Move{join, to}); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		"GET /2015-03-31/functions/arena-queue-join/aliases/live",
		"GET /2015-03-31/functions/arena-queue-join%3A7/configuration",
		`PUT /2015-03-31/functions/arena-queue-join/aliases/live {"FunctionVersion":"6","RoutingConfig":{"AdditionalVersionWeights":{"7":0.1}},"RevisionId":"r1"}`,
		`PUT /2015-03-31/functions/arena-queue-join/aliases/live {"FunctionVersion":"7","RoutingConfig":{"AdditionalVersionWeights":{}},"RevisionId":"r2"}`,
	}
	if got := strings.Join(*asked, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("asked:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
	if _, _, err := l.Alias(t.Context(), "arena-queue-join"); err == nil || !strings.Contains(err.Error(), "is no ARN of an alias") {
		t.Errorf("a name gives %v", err)
	}

	cfg, _ = answering(t, http.StatusNotFound, `{"Type":"User","__type":"ResourceNotFoundException","Message":"gone"}`)
	l = NewLambda(cfg)
	if _, there, err := l.Alias(t.Context(), join); there || err != nil {
		t.Errorf("an alias that is gone gives %t, %v", there, err)
	}
	if _, there, err := l.Digest(t.Context(), join, "7"); there || err != nil {
		t.Errorf("a version that is gone gives %t, %v", there, err)
	}
	if err := l.Move(t.Context(), Move{join, at("7")}); code(err) != missing {
		t.Errorf("moving it gives %v", err)
	}
}

func TestCloudWatch(t *testing.T) {
	cfg, asked := answering(t, http.StatusOK, `<DescribeAlarmsResponse><DescribeAlarmsResult>
		<MetricAlarms><member><AlarmName>late</AlarmName><StateValue>OK</StateValue></member></MetricAlarms>
		<CompositeAlarms><member><AlarmName>any</AlarmName><StateValue>ALARM</StateValue></member></CompositeAlarms>
	</DescribeAlarmsResult></DescribeAlarmsResponse>`)
	rings, err := NewCloudWatch(cfg).Rings(t.Context(), []string{"late", "any", "gone"})
	if err != nil || rings["late"] != Quiet || rings["any"] != Ringing || rings["gone"] != Gone {
		t.Errorf("the alarms are %v, %v", rings, err)
	}
	const want = "POST / Action=DescribeAlarms&AlarmNames.member.1=late&AlarmNames.member.2=any&AlarmNames.member.3=gone&AlarmTypes.member.1=MetricAlarm&AlarmTypes.member.2=CompositeAlarm&MaxRecords=100&Version=2010-08-01"
	if (*asked)[0] != want {
		t.Errorf("asked %s", (*asked)[0])
	}
}

func TestAlarmName(t *testing.T) {
	for text, want := range map[string]string{"late": "late", "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:late:very": "late:very"} {
		if got := alarmName(text); got != want {
			t.Errorf("%s is the alarm %s, want %s", text, got, want)
		}
	}
}
