package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	blockIn       = regexp.MustCompile(`(?sm)^(variable|output) "([^"]+)" \{\n(.*?)^\}`)
	descriptionIn = regexp.MustCompile(`(?m)^  description += "(.*)"$`)
	defaultIn     = regexp.MustCompile(`(?m)^  default += (.*)$`)
)

// tables are the tables of inputs and outputs that a module's README must have.
// Its files are formatted, which a test of the examples holds.
func tables(t *testing.T, module string) (inputs, outputs string) {
	t.Helper()
	var in, out strings.Builder
	in.WriteString("| input | description | default |\n|---|---|---|\n")
	out.WriteString("| output | description |\n|---|---|\n")
	for _, file := range []string{"variables.tf", "outputs.tf"} {
		text, err := os.ReadFile(filepath.Join(module, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blockIn.FindAllStringSubmatch(string(text), -1) {
			kind, name, body := block[1], block[2], block[3]
			description := descriptionIn.FindStringSubmatch(body)
			if description == nil {
				t.Errorf("%s: %s %q has no description", module, kind, name)
				continue
			}
			told := strings.ReplaceAll(description[1], `\"`, `"`)
			if kind == "output" {
				fmt.Fprintf(&out, "| `%s` | %s |\n", name, told)
				continue
			}
			otherwise := "required"
			if d := defaultIn.FindStringSubmatch(body); d != nil {
				otherwise = "`" + d[1] + "`"
			}
			fmt.Fprintf(&in, "| `%s` | %s | %s |\n", name, told, otherwise)
		}
	}
	return in.String(), out.String()
}

// Each module's README has every variable and every output, as the module
// describes them.
func TestModulesREADME(t *testing.T) {
	modules, err := filepath.Glob("../../modules/*")
	if err != nil || len(modules) == 0 {
		t.Fatalf("there is no module: %v", err)
	}
	for _, module := range modules {
		t.Run(filepath.Base(module), func(t *testing.T) {
			readme, err := os.ReadFile(filepath.Join(module, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			inputs, outputs := tables(t, module)
			for _, table := range []string{inputs, outputs} {
				if strings.Count(table, "\n") < 3 {
					t.Errorf("a table has no rows:\n%s", table)
				}
				if !strings.Contains(string(readme), "\n\n"+table) {
					t.Errorf("README.md lacks this table:\n%s", table)
				}
			}
		})
	}
}
