package preflight

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The embedded prices hold to what is asked of a user's, and each dimension
// that a blueprint can come to is among them.
func TestBuiltin(t *testing.T) {
	p := Builtin()
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dimension{
		lambdaRequests, lambdaARM, lambdaX86, sqsRequests, dynamoWrites, dynamoReads, dynamoStorage, dynamoPITR,
		s3Puts, s3Gets, schedulerCalls, cloudwatchAlarms, cloudwatchMetrics, cloudwatchLogBytes, bytesOut,
		kmsKeys, kmsRequests, kmsECCRequests,
		cloudwatchRules, cloudwatchBoards, dynamoReadHours, dynamoWriteHours,
		snsPublishes, kinesisPutUnits, kinesisShards, kinesisRetention, kinesisStreams, kinesisBytesIn, kinesisBytesOut,
	} {
		if p.of("us-east-1", d).Price == 0 {
			t.Errorf("%s has no price", d)
		}
	}
	for _, c := range []struct {
		dimension Dimension
		units     float64
		want      float64
	}{
		{lambdaRequests, 1e6, 0.20}, {lambdaARM, 1e6, 13.3334}, {sqsRequests, 1e6, 0.40}, {dynamoWrites, 1e6, 0.625},
		{dynamoReads, 1e6, 0.125}, {s3Puts, 1e6, 5}, {s3Gets, 1e6, 0.4}, {schedulerCalls, 1e6, 1}, {bytesOut, 1, 0.09},
		{kmsKeys, 1, 1}, {kmsECCRequests, 1e4, 0.15}, {kmsRequests, 1e4, 0.03},
		{cloudwatchRules, 1, 0.5}, {cloudwatchBoards, 1, 3}, {kinesisPutUnits, 1e6, 0.014}, {kinesisShards, 1, 0.015}, {snsPublishes, 1e6, 0.5}, {dynamoReadHours, 1000, 0.13}, {dynamoWriteHours, 1000, 0.65},
	} {
		near(t, c.dimension.String(), p.of("us-east-1", c.dimension).each()*c.units, c.want)
	}
}

func TestRegionOfPrices(t *testing.T) {
	p := Builtin()
	if have := p.in("eu-central-1"); have != "us-east-1" {
		t.Errorf("a region without prices takes those of %q, want the default region's", have)
	}
	p = &Prices{DefaultRegion: "us-east-1", Regions: map[string]map[string]map[string]Price{"us-east-1": nil, "eu-central-1": {"sqs": {"requests": {Price: 0.5, Per: 1}}}}}
	if have := p.of("eu-central-1", sqsRequests).each(); have != 0.5 {
		t.Errorf("the region's own price is %g, want 0.5", have)
	}
}

func TestReadPrices(t *testing.T) {
	change := func(do func(file map[string]any, region map[string]any)) string {
		var file map[string]any
		if err := json.Unmarshal(embedded, &file); err != nil {
			t.Fatal(err)
		}
		do(file, file["regions"].(map[string]any)["us-east-1"].(map[string]any))
		out, err := json.MarshalIndent(file, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	price := func(region map[string]any, service, name string) map[string]any {
		return region[service].(map[string]any)[name].(map[string]any)
	}
	for name, c := range map[string]struct {
		text string
		// says is in the error; empty where there is none.
		says string
	}{
		"the provider's own": {string(embedded), ""},
		"another price":      {change(func(_, r map[string]any) { price(r, "sqs", "requests")["price"] = 0.3 }), ""},
		"free of charge":     {change(func(_, r map[string]any) { price(r, "sqs", "requests")["price"] = 0 }), ""},
		"a region more": {change(func(f, r map[string]any) {
			f["regions"].(map[string]any)["eu-central-1"] = r
		}), ""},
		"no JSON":             {"{\n  \"date\": \"2025-01-31\",\n  oops\n}", "line 3 is no JSON"},
		"cut off":             {string(embedded[:len(embedded)/2]), "unexpected EOF"},
		"a text for a number": {change(func(_, r map[string]any) { price(r, "sqs", "requests")["price"] = "0.4" }), "regions.us-east-1.sqs.requests: price must be a float64, not a string"},
		"an unknown field":    {change(func(f, _ map[string]any) { f["curency"] = "USD" }), `unknown field "curency"`},
		"no date":             {change(func(f, _ map[string]any) { delete(f, "date") }), `date is ""; give the day`},
		"an odd date":         {change(func(f, _ map[string]any) { f["date"] = "31.1.2025" }), `date is "31.1.2025"; give the day`},
		"no currency":         {change(func(f, _ map[string]any) { delete(f, "currency") }), "currency is missing"},
		"no default region":   {change(func(f, _ map[string]any) { f["default_region"] = "us-east-9" }), `default_region is "us-east-9"; give one of regions: us-east-1`},
		"an unknown service": {change(func(_, r map[string]any) { r["sqq"] = map[string]any{} }),
			"regions.us-east-1.sqq is no service; there are cloudfront, "},
		"an unknown dimension": {change(func(_, r map[string]any) { r["sqs"].(map[string]any)["reqests"] = map[string]any{"price": 1, "per": 1} }),
			"regions.us-east-1.sqs.reqests is no dimension; sqs has fifo_requests, requests"},
		"a missing dimension": {change(func(_, r map[string]any) { delete(r["lambda"].(map[string]any), "gb_seconds_arm64") }),
			"regions.us-east-1.lambda.gb_seconds_arm64 is missing; give its price"},
		"a missing service": {change(func(_, r map[string]any) { delete(r, "waf") }), "regions.us-east-1.waf.requests is missing"},
		"a region with holes": {change(func(f, _ map[string]any) {
			f["regions"].(map[string]any)["eu-central-1"] = map[string]any{}
		}), "regions.eu-central-1.cloudfront.bytes_out is missing"},
		"a negative price": {change(func(_, r map[string]any) { price(r, "sqs", "requests")["price"] = -1 }), "regions.us-east-1.sqs.requests.price is -1"},
		"per nothing":      {change(func(_, r map[string]any) { price(r, "sqs", "requests")["per"] = 0 }), "regions.us-east-1.sqs.requests.per is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "prices.json")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadPrices(file)
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) {
				t.Errorf("the error is %v, should name the file and say %q", err, c.says)
			}
		})
	}
	if _, err := ReadPrices(filepath.Join(t.TempDir(), "none.json")); err == nil || !strings.Contains(err.Error(), "read the price file: open") {
		t.Errorf("of a file that is not there the error is %v", err)
	}
}
