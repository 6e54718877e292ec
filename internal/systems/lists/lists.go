// Package lists has the argument of systems that let in whom a list names: from a
// file or from S3, kept as keyed hashes.
package lists

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/burstline/terraform-provider-serverless/internal/blueprint"
	"github.com/burstline/terraform-provider-serverless/internal/composite"
)

// s3URI is a bucket's name and an object's key.
var s3URI = regexp.MustCompile(`^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$`)

// Attribute is the argument; description says who is on the list.
func Attribute(description string) schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"file": schema.StringAttribute{Optional: true, MarkdownDescription: "Path of the list. It is hashed as it is uploaded; nothing of it is in the state but its SHA-256."},
			"s3_uri": schema.StringAttribute{Optional: true, MarkdownDescription: "The list in S3: `s3://bucket/key`.",
				Validators: []validator.String{stringvalidator.RegexMatches(s3URI, "must be an S3 URI: s3://bucket/key")}},
			"version_id": schema.StringAttribute{Optional: true, MarkdownDescription: "Version of the object in S3, or give `etag`: an apply reads just that, and a plan sees by it that the list has changed."},
			"etag":       schema.StringAttribute{Optional: true, MarkdownDescription: "ETag of the object in S3, where its bucket keeps no versions."},
		},
	}
}

// Of is the list that the argument names.
func Of(list types.Object) blueprint.HashedList {
	text := func(name string) string { return composite.TextOf(list, name, "") }
	l := blueprint.HashedList{File: text("file"), URI: text("s3_uri"), VersionID: text("version_id"), ETag: strings.Trim(text("etag"), `"`)}
	if l.File != "" {
		// A machine that only operates the system need not have the file; validation
		// has told whoever plans.
		l.SHA256, _ = digestOf(l.File)
	}
	return l
}

// Validate refuses a list that is no one's or two's, and a file that cannot be
// read. lines says what a line of it is: "one code".
func Validate(at path.Path, list types.Object, lines string) (diags diag.Diagnostics) {
	if !composite.Known(list) {
		return nil
	}
	known, absent := composite.Known, composite.Absent
	fields := list.Attributes()
	file, uri := fields["file"], fields["s3_uri"]
	switch {
	case known(file) && known(uri), absent(file) && absent(uri):
		diags.AddAttributeError(at, "Which list?", "Give either file or s3_uri.")
	case known(file) && (known(fields["version_id"]) || known(fields["etag"])):
		diags.AddAttributeError(at, "Only with s3_uri", "version_id and etag are of an object in S3. A file is told by its content: leave them out.")
	case known(fields["version_id"]) && known(fields["etag"]):
		diags.AddAttributeError(at.AtName("etag"), "Twice told", "Give either version_id or etag.")
	}
	if name := composite.TextOf(list, "file", ""); name != "" {
		if _, err := digestOf(name); err != nil {
			diags.AddAttributeError(at.AtName("file"), "The list cannot be read", fmt.Sprintf("%s. Give the path of a text file with %s a line.", err, lines))
		}
	}
	return diags
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
