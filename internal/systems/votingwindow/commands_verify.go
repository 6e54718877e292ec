package votingwindow

import (
	"context"
	"crypto/ecdsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/burstline/terraform-provider-serverless/functions/votingwindow"
	"github.com/burstline/terraform-provider-serverless/functions/votingwindow/exportcheck"
	"github.com/burstline/terraform-provider-serverless/internal/command"
)

const (
	exportsPrefix = "export/"
	provisional   = "-provisional"
	latestExport  = "latest"
)

// verified is what became of the check of an export.
type verified struct {
	Export   string `json:"export"` // A folder, or the prefix in the bucket.
	Verified bool   `json:"verified"`
	// Signed is true where the signature holds by Key: a file, or the signing key
	// of the system. Without a key the export only agrees with itself.
	Signed  bool                      `json:"signed"`
	Key     string                    `json:"key"`
	Name    string                    `json:"name"`
	Status  votingwindow.Status       `json:"status"`
	Ballots int64                     `json:"ballots"`
	Entries int64                     `json:"entries"`
	Counts  votingwindow.ExportCounts `json:"counts"`
	Faults  []string                  `json:"faults"` // What does not hold.
}

func verifyCommand() command.Command {
	return command.Command{
		Name: "verify", Argument: "DIR", Short: "Prove that an export of a voting window is genuine and complete",
		Long: `Checks an export: the signature of its manifest, the SHA-256 of every file, that both formats have the same rows, that no message is in them twice, and that the rows give the figures that were published.
The export is the one in the folder DIR, or one of the window's own, which is downloaded for the check. The key is the one in --public-key, else the window's signing key, which KMS is asked for. With DIR and --public-key, or DIR and --unsigned, it works offline.
The exit code is 3 where the export does not verify.`,
		Example: `  terraform-provider-serverless verify voting_window tv-final
  terraform-provider-serverless verify voting_window tv-final --export 20270522T182500Z
  terraform-provider-serverless verify voting_window tv-final ./export --public-key tv-final.pem`,
		Flags: []command.Flag{
			{Name: "export", Usage: "which of the window's exports: its closing time as in the bucket, or latest for the last final one", Default: latestExport},
			{Name: "public-key", Usage: "file with the public key, PKIX in PEM; from whom you trust, not from the export", Default: ""},
			{Name: "unsigned", Usage: "do not look at the signature: then the export only agrees with itself", Default: false},
		},
		Run: verify,
	}
}

func verify(ctx context.Context, call *command.Call) (command.Answer, error) {
	unsigned := command.Value[bool](call, "unsigned")
	switch {
	case call.Argument != "" && call.Given["export"]:
		return command.Answer{}, command.Usage("--export: DIR is what is verified; give one of the two")
	case unsigned && call.Given["public-key"]:
		return command.Answer{}, command.Usage("--unsigned: --public-key is what checks the signature; give one of the two")
	}
	v := verified{Export: call.Argument, Faults: []string{}}
	var key *ecdsa.PublicKey
	if !unsigned {
		var err error
		if key, v.Key, err = publicKey(ctx, call); err != nil {
			return command.Answer{}, err
		}
	}
	folder := call.Argument
	if folder == "" {
		temporary, err := os.MkdirTemp("", "export-")
		if err != nil {
			return command.Answer{}, fmt.Errorf("make a folder for the export: %w", err)
		}
		defer os.RemoveAll(temporary) //nolint:errcheck // the system clears its temporary files
		folder = temporary
		if v.Export, err = downloadExport(ctx, call, folder); err != nil {
			return command.Answer{}, err
		}
	} else if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return command.Answer{}, command.Usage("DIR: %s is no folder", folder)
	}
	v.check(call.Name, os.DirFS(folder), key)
	return command.Answer{JSON: v, Text: v.text(), Unwell: !v.Verified}, nil
}

// check fills in what the files prove.
func (v *verified) check(name string, files fs.FS, key *ecdsa.PublicKey) {
	report, err := exportcheck.Verify(files, key)
	m := report.Manifest
	v.Signed, v.Name, v.Status, v.Ballots, v.Entries, v.Counts = report.Signed, m.Name, m.Status, report.Ballots, report.Entries, m.Counts
	if err == nil && m.Name != name {
		err = fmt.Errorf("the export is of the window %q, not of %q", m.Name, name)
	}
	if err != nil {
		v.Faults = strings.Split(err.Error(), "\n")
	}
	v.Verified = err == nil
}

func (v *verified) text() string {
	var b strings.Builder
	if !v.Verified {
		fmt.Fprintf(&b, "%s does NOT verify:\n", v.Export)
		for _, fault := range v.Faults {
			fmt.Fprintf(&b, "  ! %s\n", fault)
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s verifies: %s, %s\n", v.Export, v.Name, v.Status)
	if v.Signed {
		fmt.Fprintf(&b, "  signature      holds by %s\n", v.Key)
	} else {
		b.WriteString("  signature      NOT CHECKED: the files agree with each other, and nobody knows who made them\n")
	}
	fmt.Fprintf(&b, "  files          as the manifest says, both formats alike\n")
	fmt.Fprintf(&b, "  rows           %d ballots and %d entries of the ledger, no message twice\n", v.Ballots, v.Entries)
	c := v.Counts
	fmt.Fprintf(&b, "  figures        as published: accepted %d = counted %d + quarantined %d + duplicate %d + replaced %d + late %d + rejected %d\n",
		c.Accepted, c.Counted, c.Quarantined, c.Duplicate, c.Replaced, c.Late, c.Rejected)
	return b.String()
}

// publicKey is the key to check by, and where it comes from; nil where the window
// has none.
func publicKey(ctx context.Context, call *command.Call) (*ecdsa.PublicKey, string, error) {
	if file := command.Value[string](call, "public-key"); file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // the operator's own file
		if err != nil {
			return nil, "", command.Usage("--public-key: %v", err)
		}
		key, err := exportcheck.PublicKey(text)
		if err != nil {
			return nil, "", command.Usage("--public-key: %s: %v", file, err)
		}
		return key, file, nil
	}
	d, err := call.Open(ctx)
	if err != nil {
		return nil, "", err
	}
	if _, found := d.Part(signingKey); !found {
		return nil, "", fmt.Errorf("voting_window %q has no signing key; give --unsigned to check all but the signature, or --public-key where another window signed", call.Name)
	}
	der, err := d.PublicKey(ctx, signingKey)
	if err != nil {
		return nil, "", err
	}
	key, err := exportcheck.PublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return key, "the window's signing key", err
}

// downloadExport downloads an export and returns its prefix.
func downloadExport(ctx context.Context, call *command.Call, folder string) (string, error) {
	d, err := call.Open(ctx)
	if err != nil {
		return "", err
	}
	keys, err := d.Objects(ctx, recordsBucket, exportsPrefix)
	if err != nil {
		return "", err
	}
	prefix, err := chosenExport(keys, command.Value[string](call, "export"))
	if err != nil {
		return "", err
	}
	for _, name := range append(votingwindow.ExportFiles(), votingwindow.ManifestFile, votingwindow.SignatureFile) {
		call.Progress("downloading " + prefix + name)
		err := download(ctx, d, prefix+name, filepath.Join(folder, name))
		if err != nil && !errors.Is(err, command.ErrNoObject) { // What is missing is a fault of the export.
			return "", err
		}
	}
	call.Progress("")
	return prefix, nil
}

func download(ctx context.Context, d command.Deployed, key, file string) error {
	f, err := os.Create(file) //nolint:gosec // in a folder of ours
	if err != nil {
		return fmt.Errorf("make a file for %s: %w", key, err)
	}
	err = errors.Join(d.Download(ctx, recordsBucket, key, f), f.Close())
	if errors.Is(err, command.ErrNoObject) {
		return errors.Join(err, os.Remove(file))
	}
	return err
}

// chosenExport is the prefix of the export that is asked for. One is there when
// its manifest is, which is written last.
func chosenExport(keys []string, asked string) (string, error) {
	var there, final []string
	for _, key := range keys {
		if prefix, ok := strings.CutSuffix(key, "/"+votingwindow.ManifestFile); ok {
			name := strings.TrimPrefix(prefix, exportsPrefix)
			there = append(there, name)
			if !strings.HasSuffix(name, provisional) {
				final = append(final, name)
			}
		}
	}
	switch {
	case asked != latestExport && slices.Contains(there, asked):
		return exportsPrefix + asked + "/", nil
	case asked != latestExport:
		return "", command.Usage("--export: there is no export %q; there are %v", asked, there)
	case len(there) == 0:
		return "", errors.New("there is no export yet: the figures must be final; then it is written within minutes, or by the command export")
	case len(final) == 0:
		return "", fmt.Errorf("there is no final export yet, only %v: the figures must be final; then it is written within minutes, or by the command export", there)
	}
	return exportsPrefix + slices.Max(final) + "/", nil
}
