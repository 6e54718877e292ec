package operator

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/burstline/terraform-provider-serverless/internal/deploy"
	"github.com/burstline/terraform-provider-serverless/internal/systems"
)

// packed is a manifest as it stands in a parameter.
func packed(t *testing.T, m deploy.Manifest) string {
	t.Helper()
	plain, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "serverless-1:1::" + base64.StdEncoding.EncodeToString(out.Bytes())
}

// call is what a function was called with.
type call struct{ Path, Qualifier, Event string }

// account serves one deployed system, tv-final, with the functions closing and
// recount; recount fails where its event asks for it.
func account(t *testing.T, calls *[]call) string {
	t.Helper()
	manifest := packed(t, deploy.Manifest{System: "voting_window", Name: "tv-final", Status: deploy.Ready, Parts: map[string]deploy.Record{
		"recount": {Kind: "function", Name: "tv-final-vote-recount-euc1"},
		"closing": {Kind: "function", Name: "tv-final-vote-closing-euc1"},
		"ballots": {Kind: "table", Name: "tv-final-vote-ballots-euc1"},
	}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch {
		case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM."):
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			if !bytes.Contains(body, []byte(`"/serverless/vote/tv-final"`)) {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"__type":"ParameterNotFound"}`)
				return
			}
			fmt.Fprintf(w, `{"Parameter":{"Name":"/serverless/vote/tv-final","Value":%q,"Version":1}}`, manifest)
		case strings.HasSuffix(r.URL.Path, "/invocations"):
			*calls = append(*calls, call{r.URL.Path, r.URL.Query().Get("Qualifier"), string(body)})
			if bytes.Contains(body, []byte("fail")) {
				w.Header().Set("X-Amz-Function-Error", "Unhandled")
				fmt.Fprint(w, `{"errorMessage":"no such ballot"}`)
				return
			}
			fmt.Fprint(w, `{"counted":3}`)
		default:
			w.Header().Set("Content-Type", "text/xml")
			fmt.Fprint(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ci</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		}
	}))
	t.Cleanup(server.Close)
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_REGION": "eu-central-1",
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_ENDPOINT_URL": server.URL,
	} {
		t.Setenv(name, value)
	}
	return server.URL
}

func TestInvoke(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	recount := func(event string) []call {
		return []call{{"/2015-03-31/functions/tv-final-vote-recount-euc1/invocations", "live", event}}
	}
	const deployed = "voting_window tv-final recount"
	for name, c := range map[string]struct {
		args, in  string
		code      int
		out, says string
		calls     []call
	}{
		"without an event":    {args: deployed, out: "{\"counted\":3}\n", calls: recount("{}")},
		"event in a file":     {args: deployed + " --event " + file("event.json", `{"page":2}`), out: "{\"counted\":3}\n", calls: recount(`{"page":2}`)},
		"event on input":      {args: deployed + " --event -", in: `[1]`, out: "{\"counted\":3}\n", calls: recount(`[1]`)},
		"the function fails":  {args: deployed + " --event -", in: `"fail"`, code: 3, out: "{\"errorMessage\":\"no such ballot\"}\n", says: "Error: the function failed: Unhandled\n", calls: recount(`"fail"`)},
		"event is no JSON":    {args: deployed + " --event " + file("bad.json", `{"page":`), code: 2, says: "Error: --event: the event is not JSON; give a JSON document\n"},
		"event file missing":  {args: deployed + " --event " + filepath.Join(dir, "none"), code: 2, says: "Error: --event: read event: open " + filepath.Join(dir, "none")},
		"unknown system":      {args: "voting tv-final recount", code: 2, says: `Error: SYSTEM: there is no system "voting"; there are ` + fmt.Sprint(systems.Names()) + "\n"},
		"impossible name":     {args: "voting_window TV recount", code: 2, says: `Error: NAME: the name "TV" may hold only lower-case letters`},
		"not deployed":        {args: "voting_window tv-semi recount", code: 1, says: `Error: there is no voting_window "tv-semi" in account 123456789012, region eu-central-1; give the right NAME, --region or --profile` + "\n"},
		"unknown function":    {args: "voting_window tv-final count", code: 2, says: `Error: FUNCTION: voting_window "tv-final" has no function "count"; it has [closing recount]` + "\n"},
		"part is no function": {args: "voting_window tv-final ballots", code: 2, says: `has no function "ballots"; it has [closing recount]`},
		"too few arguments":   {args: "voting_window tv-final", code: 2, says: "Error: FUNCTION is missing; see terraform-provider-serverless invoke --help\n"},
		"unknown region":      {args: deployed + " --region eu-centra-1", code: 1, says: "Error: Unknown AWS region: "},
		"malformed endpoint":  {args: deployed + " --endpoint localhost", code: 1, says: "Error: Endpoint is no URL: localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []call
			account(t, &calls)
			var out, errs bytes.Buffer
			code := Run(t.Context(), "test", append([]string{"invoke"}, strings.Fields(c.args)...), strings.NewReader(c.in), &out, &errs)
			if code != c.code || out.String() != c.out {
				t.Errorf("exit code %d, output %q; want %d, %q", code, out.String(), c.code, c.out)
			}
			if !strings.Contains(errs.String(), c.says) || c.says == "" && errs.Len() > 0 {
				t.Errorf("it says %q, should say %q", errs.String(), c.says)
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls: want -, have +:\n%s", diff)
			}
		})
	}
}

func TestUnknownCommand(t *testing.T) {
	var out, errs bytes.Buffer
	code := Run(t.Context(), "test", []string{"invok"}, strings.NewReader(""), &out, &errs)
	names := map[string]bool{"completion": true, "invoke": true, "redrive": true, "status": true}
	for _, system := range systems.All {
		for _, c := range system.Commands {
			names[c.Name] = true
		}
	}
	if want := "Error: there is no command \"invok\"; there are " + strings.Join(slices.Sorted(maps.Keys(names)), ", ") + "\n"; code != 2 || out.Len() != 0 || errs.String() != want {
		t.Errorf("exit code %d, output %q, errors %q", code, out.String(), errs.String())
	}
}

func TestHelp(t *testing.T) {
	for args, want := range map[string][]string{
		"help":          {"Started without arguments, by Terraform, this is the provider.", "Exit codes: 0 all is well;", "invoke ", "redrive ", "status ", "--output", "--region", "--profile", "--endpoint", "AWS_ENDPOINT_URL"},
		"help invoke":   {"invoke SYSTEM NAME FUNCTION", "Calls the live version of a function", "--event", "invoke voting_window tv-final recount --event event.json"},
		"invoke --help": {"invoke SYSTEM NAME FUNCTION"},
		"":              {"Usage:"},
		"help redrive":  {"redrive SYSTEM NAME QUEUE", "--max", "--dry-run", "The exit code is 3", "redrive voting_window tv-final dead-letters --max 10"},
		"help status":   {"status SYSTEM NAME", "It only reads. The exit code is 3", "status voting_window tv-final --output json | jq .wrong"},
		"--version":     {"terraform-provider-serverless version test"},
	} {
		t.Run(args, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := Run(t.Context(), "test", strings.Fields(args), strings.NewReader(""), &out, &errs); code != 0 || errs.Len() != 0 {
				t.Errorf("exit code %d, errors %q", code, errs.String())
			}
			for _, s := range want {
				if !strings.Contains(out.String(), s) {
					t.Errorf("%q does not say %q", out.String(), s)
				}
			}
		})
	}
}
