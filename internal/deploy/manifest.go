package deploy

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/kinds"
)

// Status says how far the work on a system has come.
type Status string

// The states of a system.
const (
	// Creating: the first apply is under way, or stopped half-way.
	Creating Status = "creating"
	// Ready: the last apply finished.
	Ready Status = "ready"
	// Updating: an apply is under way, or stopped half-way.
	Updating Status = "updating"
	// Destroying: a destroy is under way, or stopped half-way.
	Destroying Status = "destroying"
)

// Manifest is a system's own record in AWS: what was asked for, what was made,
// and who is at work on it. It is written before the first part and removed
// after the last, so that nothing is lost when Terraform's state is.
type Manifest struct {
	// ID tells this deployment from an earlier or later one of the same name.
	ID     string `json:"id,omitempty"`
	System string `json:"system"`
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Provider is the version that wrote it.
	Provider string `json:"provider,omitempty"`
	// Arguments are the resource's arguments in canonical JSON, without secrets.
	Arguments json.RawMessage `json:"arguments,omitempty"`
	// BundleSHA256 is the hex digest of the deployed functions' zip.
	BundleSHA256 string `json:"bundle,omitempty"`
	// Tags are the user's, default_tags among them, as last applied.
	Tags map[string]string `json:"tags,omitempty"`
	// ForceDestroy as last applied.
	ForceDestroy bool `json:"force_destroy,omitempty"`
	// Live is true once an apply has finished: from then on there may be data.
	Live  bool              `json:"live,omitempty"`
	Parts map[string]Record `json:"parts,omitempty"`
	// Begun are the parts that the apply under way may make, or may have made where
	// it was killed: by them they are found, whatever is asked for next.
	Begun map[string]Record `json:"begun,omitempty"`
	Claim *Claim            `json:"claim,omitempty"`
}

// Record is what a manifest keeps of one part.
type Record struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Digest of the blueprint's part as last applied; empty while the part is
	// not finished.
	Digest string `json:"digest,omitempty"`
	// Inputs is a digest of the spec with all references resolved: it changes
	// when another part that this one refers to was made anew.
	Inputs     string           `json:"inputs,omitempty"`
	Attributes kinds.Attributes `json:"attributes,omitempty"`
	After      []string         `json:"after,omitempty"`
	Data       bool             `json:"data,omitempty"`
}

// made reports whether the part was finished once, and so is ours. Of one that was
// not, an object of its name may be anybody's.
func (r Record) made() bool { return r.Digest != "" }

// Claim is somebody's exclusive right to work on a system. It is alive as long
// as its holder writes the manifest again and again.
type Claim struct {
	ID        string    `json:"id"`
	Operation string    `json:"operation"`
	Since     time.Time `json:"since"`
	Holder
}

// Holder says who holds a claim.
type Holder struct {
	// Who is for people: "deploy@runner-7, process 4711".
	Who string `json:"who"`
	// Machine identifies the running system and process namespace in which PID
	// means something; empty where that cannot be told.
	Machine string `json:"machine,omitempty"`
	PID     int    `json:"pid,omitempty"`
}

// Path returns the name of the SSM parameter with a system's manifest.
func Path(system blueprint.System, name string) string {
	return "/serverless/" + system.Slug + "/" + name
}

// pieceSize is what one standard parameter holds, 4 KB (Systems Manager
// quotas), less the heading of the first piece.
const pieceSize = 4096 - 64

const manifestFormat = "serverless-1"

// encode renders the manifest as the value of its parameter and, where one is
// too small, of further ones under it. generation names these.
func (m *Manifest) encode(generation string) (head string, rest []string, err error) {
	plain, err := json.Marshal(m)
	if err != nil {
		return "", nil, fmt.Errorf("encode manifest: %w", err)
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return "", nil, fmt.Errorf("encode manifest: %w", err)
	}
	if _, err := w.Write(plain); err != nil {
		return "", nil, fmt.Errorf("encode manifest: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", nil, fmt.Errorf("encode manifest: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	var pieces []string
	for len(text) > pieceSize {
		pieces = append(pieces, text[:pieceSize])
		text = text[pieceSize:]
	}
	pieces = append(pieces, text)
	return fmt.Sprintf("%s:%d:%s:%s", manifestFormat, len(pieces), generation, pieces[0]), pieces[1:], nil
}

// heading reads the head piece: how many pieces there are, their generation,
// and the first one.
func heading(head string) (pieces int, generation, first string, err error) {
	fields := strings.SplitN(head, ":", 4)
	if len(fields) != 4 || fields[0] != manifestFormat {
		return 0, "", "", fmt.Errorf("the manifest is in a format that this version of the provider does not know; use a newer one")
	}
	n, err := strconv.Atoi(fields[1])
	if err != nil || n < 1 {
		return 0, "", "", fmt.Errorf("the manifest's heading is damaged: %q", fields[1])
	}
	return n, fields[2], fields[3], nil
}

// decode reads a manifest from all its pieces, joined.
func decode(text string) (*Manifest, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(plain, &m); err != nil {
		return nil, fmt.Errorf("decode manifest: %w", err)
	}
	return &m, nil
}
