// Package internal_test holds the house together: it checks which room imports
// which.
package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/burstline/terraform-provider-serverless"

// A room is a folder of the module and what it may import of ours. In paths *
// stands for one folder, a trailing ... for any below, and $ in an import for
// what * stood for in the room: internal/systems/votingwindow may import
// functions/votingwindow and no other system's functions.
type room struct {
	path string
	may  []string
}

// rooms are in the order in which they are tried: the first that fits counts.
var rooms = []room{
	{".", []string{"internal/provider", "internal/operator"}},
	{"internal/provider", []string{"internal/systems", "internal/composite", "internal/awsclient", "internal/bundle", "internal/deploy", "internal/preflight", "internal/preflight/forecast", "internal/blueprint"}},
	{"internal/operator", []string{"internal/systems", "internal/command", "internal/deploy", "internal/awsclient", "internal/blueprint", "internal/kinds"}},
	{"internal/systems", []string{"internal/systems/*", "internal/composite", "internal/blueprint", "internal/command"}},
	// What the pages of several systems share.
	{"internal/systems/systemtest", nil}, // Only tests use it.
	{"internal/systems/lists", []string{"internal/composite", "internal/blueprint"}},
	{"internal/systems/pages", []string{"internal/composite", "internal/blueprint"}},
	{"internal/systems/*", []string{
		"internal/composite", "internal/blueprint", "internal/bundle", "internal/preflight", "internal/preflight/forecast", "internal/command", "internal/systems/lists", "internal/systems/pages",
		"internal/site/$", "functions/$/...", "functions/config",
	}},
	{"internal/composite", []string{"internal/deploy", "internal/blueprint", "internal/preflight", "internal/preflight/forecast"}},
	{"internal/preflight", []string{"internal/blueprint", "internal/awsclient", "internal/preflight/forecast"}},
	{"internal/preflight/forecast", []string{"internal/blueprint"}},
	{"internal/deploy", []string{"internal/kinds", "internal/blueprint", "internal/awsclient"}},
	{"internal/kinds", []string{"internal/blueprint", "internal/awsclient"}},
	{"internal/blueprint", nil},
	{"internal/command", nil},
	// Only tests import it: a stand-in of a deployed system.
	{"internal/command/commandtest", []string{"internal/command"}},
	{"internal/awsclient", nil},
	{"internal/bundle", nil},
	{"internal/site/*", []string{"internal/site/built"}},
	// A main program, which writes what the provider embeds.
	{"internal/bundle/generate", []string{"internal/bundle", "internal/systems"}},
	// The local AWS serves tests, the demo and the bench, and nothing that is
	// released: no other room may import it.
	{"internal/localaws/...", []string{"internal/localaws/..."}},
	// The reference is rendered from what the built provider says of itself.
	{"internal/release", nil}, // Only tests: they try a snapshot of a release.
	{"internal/reference/...", []string{"internal/reference/...", "internal/localaws/tfcli"}},
	// The bench measures every room, and no room knows of it.
	{"internal/bench/...", []string{"functions/...", "internal/..."}},
	{"internal/demo", []string{"internal/localaws/..."}},
	{"examples/*/...", []string{"examples/$/...", "functions/...", "internal/localaws/...", "internal/demo"}},
	{"functions/config", nil},
	{"functions/internal/...", []string{"functions/internal/..."}},
	{"functions/*/...", []string{"functions/$/...", "functions/config", "functions/internal/..."}},
}

// pkg is one package with what it imports, tests left out.
type pkg struct {
	ImportPath string
	Imports    []string
}

// check returns a line for each import that leads the wrong way and for each
// package that is in no room.
func check(packages []pkg) []string {
	var wrong []string
	for _, p := range packages {
		path, ours := inModule(p.ImportPath)
		if !ours {
			continue
		}
		may, known := permitted(path)
		if !known {
			wrong = append(wrong, fmt.Sprintf("%s is a new room: add it, and what it may import, to the table of rooms", path))
			continue
		}
		for _, i := range p.Imports {
			target, ours := inModule(i)
			if ours && !slices.ContainsFunc(may, func(pattern string) bool { return fits(pattern, target) }) {
				wrong = append(wrong, fmt.Sprintf("%s imports %s; it may import %v", path, target, may))
			}
		}
	}
	return wrong
}

// inModule returns the folder of a package of this module.
func inModule(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// permitted returns the patterns of what the package in that folder may import.
func permitted(path string) (may []string, known bool) {
	for _, r := range rooms {
		if !fits(r.path, path) {
			continue
		}
		own := ""
		for i, folder := range strings.Split(r.path, "/") {
			if folder == "*" {
				own = strings.Split(path, "/")[i]
			}
		}
		for _, pattern := range r.may {
			may = append(may, strings.ReplaceAll(pattern, "$", own))
		}
		return may, true
	}
	return nil, false
}

// fits reports whether a folder is one that the pattern means.
func fits(pattern, path string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	below := want[len(want)-1] == "..."
	if below {
		want = want[:len(want)-1]
	}
	if len(have) < len(want) || !below && len(have) > len(want) {
		return false
	}
	for i, folder := range want {
		if folder != "*" && folder != have[i] {
			return false
		}
	}
	return true
}

func TestImportsRunOneWay(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	list.Dir = ".."
	var stderr bytes.Buffer
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		// The folder of this very test has no package beside it.
		if p.ImportPath != module+"/internal" {
			packages = append(packages, p)
		}
	}
	for _, room := range []string{"", "/internal/deploy", "/functions/votingwindow"} {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return p.ImportPath == module+room }) {
			t.Errorf("go list does not list %s%s: the check sees less than the house", module, room)
		}
	}
	for _, line := range check(packages) {
		t.Error(line)
	}
}

// TestFunctionsAreLean: nothing of the functions brings a client of the SDK. Each builds the schemas and endpoint rules of its whole service at
// every start; functions/internal/awscall makes the calls instead.
func TestFunctionsAreLean(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./functions/...")
	list.Dir = ".."
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, module+"/functions/internal/awscall") {
		t.Error("go list does not list functions/internal/awscall: the check sees less than the functions have")
	}
	for _, path := range packages {
		if strings.HasPrefix(path, "github.com/aws/aws-sdk-go-v2/service/") || strings.HasPrefix(path, "github.com/aws/aws-sdk-go-v2/feature/") {
			t.Errorf("functions bring %s", path)
		}
	}
}

func TestCheckFindsWrongImports(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		want     []string
	}{
		"main to provider":                 {".", "internal/provider", nil},
		"main past its rooms":              {".", "internal/deploy", []string{". imports internal/deploy; it may import [internal/provider internal/operator]"}},
		"provider to kinds":                {"internal/provider", "internal/kinds", []string{"internal/provider imports internal/kinds; it may import [internal/systems internal/composite internal/awsclient internal/bundle internal/deploy internal/preflight internal/preflight/forecast internal/blueprint]"}},
		"registry to a system":             {"internal/systems", "internal/systems/queue", nil},
		"system to its functions":          {"internal/systems/queue", "functions/queue", nil},
		"system to another's functions":    {"internal/systems/queue", "functions/votingwindow", []string{"internal/systems/queue imports functions/votingwindow; it may import [internal/composite internal/blueprint internal/bundle internal/preflight internal/preflight/forecast internal/command internal/systems/lists internal/systems/pages internal/site/queue functions/queue/... functions/config]"}},
		"system to another's page":         {"internal/systems/queue", "internal/site/votingwindow", []string{"internal/systems/queue imports internal/site/votingwindow; it may import [internal/composite internal/blueprint internal/bundle internal/preflight internal/preflight/forecast internal/command internal/systems/lists internal/systems/pages internal/site/queue functions/queue/... functions/config]"}},
		"composite to kinds":               {"internal/composite", "internal/kinds", []string{"internal/composite imports internal/kinds; it may import [internal/deploy internal/blueprint internal/preflight internal/preflight/forecast]"}},
		"kinds back to the engine":         {"internal/kinds", "internal/deploy", []string{"internal/kinds imports internal/deploy; it may import [internal/blueprint internal/awsclient]"}},
		"kinds to a system":                {"internal/kinds", "internal/systems/queue", []string{"internal/kinds imports internal/systems/queue; it may import [internal/blueprint internal/awsclient]"}},
		"blueprint to anything of ours":    {"internal/blueprint", "internal/awsclient", []string{"internal/blueprint imports internal/awsclient; it may import []"}},
		"blueprint to others":              {"internal/blueprint", "-encoding/json", nil},
		"preflight to the engine":          {"internal/preflight", "internal/deploy", []string{"internal/preflight imports internal/deploy; it may import [internal/blueprint internal/awsclient internal/preflight/forecast]"}},
		"page to its system":               {"internal/site/queue", "internal/systems/queue", []string{"internal/site/queue imports internal/systems/queue; it may import [internal/site/built]"}},
		"bundle to the registry":           {"internal/bundle", "internal/systems", []string{"internal/bundle imports internal/systems; it may import []"}},
		"generator to the registry":        {"internal/bundle/generate", "internal/systems", nil},
		"functions to internal":            {"functions/queue", "internal/blueprint", []string{"functions/queue imports internal/blueprint; it may import [functions/queue/... functions/config functions/internal/...]"}},
		"functions to what they share":     {"functions/queue/bootstrap", "functions/internal/telemetry", nil},
		"functions to another system's":    {"functions/queue/bootstrap", "functions/votingwindow", []string{"functions/queue/bootstrap imports functions/votingwindow; it may import [functions/queue/... functions/config functions/internal/...]"}},
		"shared functions to a system's":   {"functions/internal/telemetry", "functions/queue", []string{"functions/internal/telemetry imports functions/queue; it may import [functions/internal/...]"}},
		"release to the local AWS":         {"internal/operator", "internal/localaws", []string{"internal/operator imports internal/localaws; it may import [internal/systems internal/command internal/deploy internal/awsclient internal/blueprint internal/kinds]"}},
		"release to the bench":             {"internal/provider", "internal/bench", []string{"internal/provider imports internal/bench; it may import [internal/systems internal/composite internal/awsclient internal/bundle internal/deploy internal/preflight internal/preflight/forecast internal/blueprint]"}},
		"demo to the local AWS":            {"examples/live-vote/demo", "internal/localaws/tfcli", nil},
		"local AWS to the product":         {"internal/localaws", "internal/awsclient", []string{"internal/localaws imports internal/awsclient; it may import [internal/localaws/...]"}},
		"a room that nobody knows":         {"internal/utils", "-fmt", []string{"internal/utils is a new room: add it, and what it may import, to the table of rooms"}},
		"a folder below a room is its own": {"internal/deploy/extra", "-fmt", []string{"internal/deploy/extra is a new room: add it, and what it may import, to the table of rooms"}},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := module+"/"+c.from, module+"/"+c.to
			if c.from == "." {
				from = module
			}
			if other, ok := strings.CutPrefix(c.to, "-"); ok {
				to = other
			}
			if diff := cmp.Diff(c.want, check([]pkg{{ImportPath: from, Imports: []string{to}}})); diff != "" {
				t.Errorf("want -, have +:\n%s", diff)
			}
		})
	}
}
