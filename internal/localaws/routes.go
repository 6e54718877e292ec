package localaws

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one operation's method and path, ready to be matched.
type route struct {
	operation *Operation
	segments  []string // "{Name}" is a parameter; the last may be greedy: "{Key+}"
	literals  url.Values
	// Required members in the query or a header tell apart operations with the same method and path: UploadPart and
	// PutObject, CopyObject and PutObject.
	needQuery, needHeader []string
	static                int
}

// compileRoutes prepares the operations of a REST service; the more specific come first, so that the first fit is the best.
func (s *ServiceModel) compileRoutes() {
	for _, operation := range s.Operations {
		path, query, _ := strings.Cut(operation.HTTP.RequestURI, "?")
		literals, err := url.ParseQuery(query)
		if err != nil {
			continue // not in any model of botocore's; such an operation could not be requested either
		}
		r := route{operation: operation, segments: splitPath(path), literals: literals}
		for _, segment := range r.segments {
			if !strings.HasPrefix(segment, "{") {
				r.static++
			}
		}
		if operation.Input != nil {
			if input := s.Shapes[operation.Input.Shape]; input != nil {
				for _, name := range input.Required {
					member := input.Members[name]
					switch member.Location {
					case "querystring":
						r.needQuery = append(r.needQuery, cmp.Or(member.LocationName, name))
					case "header":
						r.needHeader = append(r.needHeader, cmp.Or(member.LocationName, name))
					}
				}
			}
		}
		s.routes = append(s.routes, r)
	}
	slices.SortFunc(s.routes, func(a, b route) int {
		return cmp.Or(
			cmp.Compare(len(b.literals), len(a.literals)),
			cmp.Compare(b.static, a.static),
			cmp.Compare(len(b.needQuery)+len(b.needHeader), len(a.needQuery)+len(a.needHeader)),
			compareBool(a.operation.Deprecated, b.operation.Deprecated),
			cmp.Compare(a.operation.Name, b.operation.Name),
		)
	})
}

// match finds the operation of a REST request, and the parameters in its path. Where a required member is missing, the
// operation that fits but for that is taken: the request is wrong, not unknown.
func (s *ServiceModel) match(method, path string, query url.Values, header http.Header) (*Operation, map[string]string) {
	// S3's clients say what they mean where method and path alone do not tell (CopyObject, GetObjectTorrent, ...).
	if operation := s.Operations[query.Get("x-id")]; operation != nil && operation.HTTP.Method == method {
		template, _, _ := strings.Cut(operation.HTTP.RequestURI, "?")
		if params, ok := matchPath(splitPath(template), path); ok {
			return operation, params
		}
	}
	for _, strict := range []bool{true, false} {
		for _, r := range s.routes {
			if r.operation.HTTP.Method != method || !r.literalsIn(query) || strict && !r.needsIn(query, header) {
				continue
			}
			if params, ok := matchPath(r.segments, path); ok {
				return r.operation, params
			}
		}
	}
	return nil, nil
}

func (r route) literalsIn(query url.Values) bool {
	for name, want := range r.literals {
		got, ok := query[name]
		if !ok || want[0] != "" && !slices.Contains(got, want[0]) {
			return false
		}
	}
	return true
}

func (r route) needsIn(query url.Values, header http.Header) bool {
	return !slices.ContainsFunc(r.needQuery, func(name string) bool { return !query.Has(name) }) &&
		!slices.ContainsFunc(r.needHeader, func(name string) bool { return header.Get(name) == "" })
}

// matchPath matches an escaped path against a template's segments, and returns the unescaped parameters.
func matchPath(segments []string, path string) (map[string]string, bool) {
	params := map[string]string{}
	rest := strings.TrimPrefix(path, "/")
	for i, segment := range segments {
		name, greedy := strings.CutSuffix(strings.Trim(segment, "{}"), "+")
		if greedy && i == len(segments)-1 {
			value, err := url.PathUnescape(rest)
			params[name] = value
			return params, err == nil && rest != ""
		}
		var got string
		got, rest, _ = strings.Cut(rest, "/")
		if got == "" {
			return nil, false
		}
		value, err := url.PathUnescape(got)
		if err != nil {
			return nil, false
		}
		if strings.HasPrefix(segment, "{") {
			params[name] = value
		} else if segment != value {
			return nil, false
		}
	}
	return params, rest == ""
}

// splitPath cuts a template into segments; a trailing slash means nothing in AWS's models.
func splitPath(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}
