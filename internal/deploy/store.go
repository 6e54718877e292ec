package deploy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// errNoManifest: there is no manifest of that name.
var errNoManifest = errors.New("there is no manifest")

// errTaken: a manifest of that name is there already.
var errTaken = errors.New("there is a manifest already")

// errOvertaken: somebody else has written the manifest since it was read.
var errOvertaken = errors.New("another process has written or removed the manifest in the meantime")

// store keeps one manifest in SSM parameters. SSM numbers the versions of a
// parameter one by one, so a writer sees from the number that it gets whether
// anybody wrote in between.
type store struct {
	ssm  *ssm.Client
	path string
	tags map[string]string
	// newID names generations of pieces.
	newID func() string

	version    int64
	generation string
	pieces     int
	head       string
}

// age is how long ago a manifest was written, by AWS's clock alone.
type age time.Duration

// errPiece: a piece that the head names is not there.
var errPiece = errors.New("is missing")

// read returns the manifest and its age, or errNoManifest. Where somebody writes
// another one just then, the pieces of the first are gone: it reads that other.
func (s *store) read(ctx context.Context) (*Manifest, age, error) {
	for tried := ""; ; {
		generation, m, old, err := s.readOnce(ctx)
		if !errors.Is(err, errPiece) || generation == tried {
			return m, old, err
		}
		tried = generation
	}
}

// readOnce also returns the generation of the pieces.
func (s *store) readOnce(ctx context.Context) (string, *Manifest, age, error) {
	out, err := s.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &s.path})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return "", nil, 0, errNoManifest
	}
	if err != nil {
		return "", nil, 0, fmt.Errorf("read manifest %s: %w", s.path, err)
	}
	head := aws.ToString(out.Parameter.Value)
	pieces, generation, text, err := heading(head)
	if err != nil {
		return "", nil, 0, fmt.Errorf("read manifest %s: %w", s.path, err)
	}
	rest, err := s.readPieces(ctx, generation, pieces)
	if err != nil {
		return generation, nil, 0, err
	}
	m, err := decode(text + rest)
	if err != nil {
		return "", nil, 0, fmt.Errorf("read manifest %s: %w", s.path, err)
	}
	s.version, s.generation, s.pieces, s.head = out.Parameter.Version, generation, pieces, head
	var old age
	if now, ok := middleware.GetServerTime(out.ResultMetadata); ok && out.Parameter.LastModifiedDate != nil {
		old = age(now.Sub(*out.Parameter.LastModifiedDate))
	}
	return generation, m, old, nil
}

// batch is the greatest number of names in GetParameters and DeleteParameters
// (Systems Manager API Reference).
const batch = 10

func (s *store) names(generation string, pieces int) []string {
	var names []string
	for i := 2; i <= pieces; i++ {
		names = append(names, s.path+"/"+generation+"/"+strconv.Itoa(i))
	}
	return names
}

func (s *store) readPieces(ctx context.Context, generation string, pieces int) (string, error) {
	values := map[string]string{}
	names := s.names(generation, pieces)
	for start := 0; start < len(names); start += batch {
		out, err := s.ssm.GetParameters(ctx, &ssm.GetParametersInput{Names: names[start:min(start+batch, len(names))]})
		if err != nil {
			return "", fmt.Errorf("read manifest %s: %w", s.path, err)
		}
		for _, p := range out.Parameters {
			values[aws.ToString(p.Name)] = aws.ToString(p.Value)
		}
	}
	var text strings.Builder
	for _, name := range names {
		v, ok := values[name]
		if !ok {
			return "", fmt.Errorf("read manifest %s: its piece %s %w", s.path, name, errPiece)
		}
		text.WriteString(v)
	}
	return text.String(), nil
}

// create writes a manifest where there is none, or returns errTaken. It is the
// atomic claim on the name: SSM lets one of several callers win.
func (s *store) create(ctx context.Context, m *Manifest) error {
	if err := s.prepare(ctx, m); err != nil {
		return err
	}
	in := &ssm.PutParameterInput{Name: &s.path, Value: &s.head, Type: types.ParameterTypeString, Overwrite: aws.Bool(false), Tags: parameterTags(s.tags)}
	out, err := s.ssm.PutParameter(ctx, in)
	var taken *types.ParameterAlreadyExists
	if errors.As(err, &taken) {
		if s.isOurs(ctx, 1, m.Claim.ID) {
			// The SDK tried again after an answer was lost.
			s.version = 1
			return nil
		}
		return errTaken
	}
	if err != nil {
		return fmt.Errorf("write manifest %s: %w", s.path, err)
	}
	s.version = out.Version
	return nil
}

// write replaces the manifest that was read or written last, or returns
// errOvertaken. The manifest must carry the writer's claim, or id names it.
func (s *store) write(ctx context.Context, m *Manifest, id string) error {
	generation, pieces := s.generation, s.pieces
	if err := s.prepare(ctx, m); err != nil {
		return err
	}
	if err := s.put(ctx, id); err != nil {
		return err
	}
	return s.deletePieces(ctx, s.names(generation, pieces))
}

// touch writes the same manifest again, as a sign of life.
func (s *store) touch(ctx context.Context, id string) error { return s.put(ctx, id) }

func (s *store) put(ctx context.Context, id string) error {
	out, err := s.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &s.path, Value: &s.head, Type: types.ParameterTypeString, Overwrite: aws.Bool(true)})
	if err != nil {
		return fmt.Errorf("write manifest %s: %w", s.path, err)
	}
	// The numbers of a parameter that was deleted and made anew begin again.
	if out.Version <= s.version {
		return errOvertaken
	}
	// A number that is too high by one may come from our own first attempt,
	// whose answer was lost.
	for v := s.version + 1; v < out.Version; v++ {
		if !s.isOurs(ctx, v, id) {
			return errOvertaken
		}
	}
	s.version = out.Version
	return nil
}

// look returns errOvertaken where the manifest is no longer the one with the
// claim id: a write would put it in the place of another's.
func (s *store) look(ctx context.Context, id string) error {
	out, err := s.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: &s.path})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return errOvertaken
	}
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", s.path, err)
	}
	if !s.wrote(ctx, aws.ToString(out.Parameter.Value), id) {
		return errOvertaken
	}
	return nil
}

// isOurs reports whether a version of the parameter is what we wrote.
func (s *store) isOurs(ctx context.Context, version int64, id string) bool {
	out, err := s.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(s.path + ":" + strconv.FormatInt(version, 10))})
	if err != nil {
		return false
	}
	return s.wrote(ctx, aws.ToString(out.Parameter.Value), id)
}

// wrote reports whether a value is what we wrote: the head, or one with our claim.
func (s *store) wrote(ctx context.Context, value, id string) bool {
	if value == s.head {
		return true
	}
	pieces, generation, text, err := heading(value)
	if err != nil {
		return false
	}
	rest, err := s.readPieces(ctx, generation, pieces)
	if err != nil {
		return false
	}
	m, err := decode(text + rest)
	return err == nil && m.Claim != nil && m.Claim.ID == id
}

// prepare encodes the manifest and writes the pieces that the head will point
// to, before it does.
func (s *store) prepare(ctx context.Context, m *Manifest) error {
	generation := s.newID()
	head, rest, err := m.encode(generation)
	if err != nil {
		return err
	}
	for i, name := range s.names(generation, len(rest)+1) {
		if _, err := s.ssm.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &rest[i], Type: types.ParameterTypeString, Overwrite: aws.Bool(true)}); err != nil {
			return fmt.Errorf("write manifest %s: %w", s.path, err)
		}
	}
	s.head, s.generation, s.pieces = head, generation, len(rest)+1
	return nil
}

// remove deletes the manifest, all pieces that any generation left under it
// first.
func (s *store) remove(ctx context.Context) error {
	var names []string
	pages := ssm.NewGetParametersByPathPaginator(s.ssm, &ssm.GetParametersByPathInput{Path: aws.String(s.path + "/"), Recursive: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list pieces of manifest %s: %w", s.path, err)
		}
		for _, p := range page.Parameters {
			names = append(names, aws.ToString(p.Name))
		}
	}
	return s.deletePieces(ctx, append(names, s.path))
}

func (s *store) deletePieces(ctx context.Context, names []string) error {
	for start := 0; start < len(names); start += batch {
		if _, err := s.ssm.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: names[start:min(start+batch, len(names))]}); err != nil {
			return fmt.Errorf("delete old pieces of manifest %s: %w", s.path, err)
		}
	}
	return nil
}

func parameterTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for k, v := range tags {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return out
}
