package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

// Nested arguments, read by name.
var (
	absent   = composite.Absent
	known    = composite.Known
	textOf   = composite.TextOf
	intOf    = composite.IntOf
	boolOf   = composite.BoolOf
	objectOf = composite.ObjectOf
	textsOf  = composite.TextsOf
)

func orInt(v types.Int64, otherwise int64) int64 {
	if known(v) {
		return v.ValueInt64()
	}
	return otherwise
}

// byIdentity reports whether browsers write their own records.
func (m *Model) byIdentity() bool { return m.Join.ValueString() == joinIdentity }

// external reports whether the ticketing service assigns the windows.
func (m *Model) external() bool { return m.Assigner.ValueString() == assignerExternal }

// hasPage reports whether the page is deployed.
func (m *Model) hasPage() bool { return boolOf(m.Site, "enabled", true) }

// hasCDN reports whether CloudFront serves the bucket.
func (m *Model) hasCDN() bool { return pages.HasCDN(m.Site) }

// hasEdge reports whether the edge has passes of its own.
func (m *Model) hasEdge() bool { return boolOf(m.Token, "edge", false) }

// joinCodes is the list that the argument names.
func (m *Model) joinCodes() blueprint.HashedList {
	list := m.JoinCodes
	l := blueprint.HashedList{File: textOf(list, "file", ""), URI: textOf(list, "s3_uri", ""), VersionID: textOf(list, "version_id", ""), ETag: strings.Trim(textOf(list, "etag", ""), `"`)}
	if l.File != "" {
		// A machine that only operates the system need not have the file; validation
		// has told whoever plans.
		l.SHA256, _ = digestOf(l.File)
	}
	return l
}

// digestOf is the hex SHA-256 of a file.
func digestOf(name string) (string, error) {
	f, err := os.Open(name) //nolint:gosec // the user names it
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
