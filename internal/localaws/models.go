package localaws

import (
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
)

// Models are AWS's own service models, as botocore brings them; each is read when it is first asked for, and kept.
type Models struct {
	dir      string // .../botocore/data
	mu       sync.Mutex
	services map[string]func() (*ServiceModel, error)
}

// ServiceModel is what AWS says of one service's requests, without the prose.
type ServiceModel struct {
	Name       string
	Metadata   Metadata              `json:"metadata"`
	Operations map[string]*Operation `json:"operations"`
	Shapes     map[string]*Shape     `json:"shapes"`

	routes []route
}

// Metadata tells how a service's requests are written.
type Metadata struct {
	Protocol        string    `json:"protocol"`
	JSONVersion     string    `json:"jsonVersion"`
	TargetPrefix    string    `json:"targetPrefix"`
	XMLNamespace    string    `json:"xmlNamespace"`
	QueryCompatible *struct{} `json:"awsQueryCompatible"`
}

// Operation is one API operation.
type Operation struct {
	Name string `json:"name"`
	HTTP struct {
		Method     string `json:"method"`
		RequestURI string `json:"requestUri"`
	} `json:"http"`
	Input      *ShapeRef  `json:"input"`
	Output     *ShapeRef  `json:"output"`
	Errors     []ShapeRef `json:"errors"`
	Deprecated bool       `json:"deprecated"`
}

// ShapeRef names a shape, and where in the request it goes.
type ShapeRef struct {
	Shape           string `json:"shape"`
	Location        string `json:"location"` // uri, querystring, header, headers; empty for the body
	LocationName    string `json:"locationName"`
	Flattened       bool   `json:"flattened"` // a list without an element around it, in forms and XML
	XMLAttribute    bool   `json:"xmlAttribute"`
	Streaming       bool   `json:"streaming"`
	TimestampFormat string `json:"timestampFormat"` // iso8601, rfc822, unixTimestamp
}

// wire is the name under which a member of that name is written.
func (r ShapeRef) wire(member string) string { return cmp.Or(r.LocationName, member) }

// Shape is the type of a value, with the limits that AWS enforces on it. Min and Max are lengths of strings, blobs, lists and
// maps, and values of numbers.
type Shape struct {
	Type            string              `json:"type"`
	Required        []string            `json:"required"`
	Members         map[string]ShapeRef `json:"members"`
	Member          *ShapeRef           `json:"member"`
	Key             *ShapeRef           `json:"key"`
	Value           *ShapeRef           `json:"value"`
	Enum            []string            `json:"enum"`
	Min             *float64            `json:"min"`
	Max             *float64            `json:"max"`
	Pattern         string              `json:"pattern"`
	Payload         string              `json:"payload"`
	Union           bool                `json:"union"`
	Document        bool                `json:"document"` // any JSON
	Flattened       bool                `json:"flattened"`
	Streaming       bool                `json:"streaming"`
	EventStream     bool                `json:"eventstream"`
	TimestampFormat string              `json:"timestampFormat"`
	Exception       bool                `json:"exception"`
	Error           *struct {
		Code           string `json:"code"`
		HTTPStatusCode int    `json:"httpStatusCode"`
	} `json:"error"`

	names []string // of the members, sorted
	// matcher decides by Pattern, and is compiled when it is first needed; nil where Pattern cannot be compiled.
	matcher func() *regexp.Regexp
}

// OpenModels prepares the models below botocore's data directory; nothing is read yet.
func OpenModels(dir string) *Models {
	return &Models{dir: dir, services: map[string]func() (*ServiceModel, error){}}
}

// Service returns one service's model, by its name in botocore (cloudwatch, not monitoring).
func (m *Models) Service(name string) (*ServiceModel, error) {
	m.mu.Lock()
	load, ok := m.services[name]
	if !ok {
		load = sync.OnceValues(func() (*ServiceModel, error) { return loadModel(m.dir, name) })
		m.services[name] = load
	}
	m.mu.Unlock()
	return load()
}

func loadModel(dir, name string) (_ *ServiceModel, err error) {
	// Names come from requests: one with a slash or dots would leave the directory.
	if !fs.ValidPath(name) || filepath.Base(name) != name || name == "." {
		return nil, fmt.Errorf("no service model can be named %q", name)
	}
	files, err := filepath.Glob(filepath.Join(dir, name, "*", "service-2.json.gz"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no model of service %q below %q: %w", name, dir, fs.ErrNotExist)
	}
	slices.Sort(files)                        // directories are API versions, which are dates
	file, err := os.Open(files[len(files)-1]) //nolint:gosec // the name was checked above
	if err != nil {
		return nil, fmt.Errorf("open the model of %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("read the model of %s: %w", name, err)
	}
	model := &ServiceModel{Name: name}
	if err := json.NewDecoder(unzipped).Decode(model); err != nil {
		return nil, fmt.Errorf("decode the model of %s: %w", name, err)
	}
	for _, shape := range model.Shapes {
		shape.names = slices.Sorted(maps.Keys(shape.Members))
		shape.matcher = sync.OnceValue(func() *regexp.Regexp { return compilePattern(shape.Pattern) })
	}
	for name, operation := range model.Operations {
		operation.Name = name // CloudFront's own names have the API's version behind them
	}
	model.compileRoutes()
	return model, nil
}

// exception finds an error shape by its name or by its code on the wire, which differ in the older services:
// NoSuchEntityException is NoSuchEntity in IAM's answers.
func (s *ServiceModel) exception(code string) (name string, shape *Shape) {
	if shape, ok := s.Shapes[code]; ok && shape.Exception {
		return code, shape
	}
	names := make([]string, 0, 4)
	for name, shape := range s.Shapes {
		if shape.Exception && shape.Error != nil && shape.Error.Code == code {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	slices.Sort(names)
	return names[0], s.Shapes[names[0]]
}
