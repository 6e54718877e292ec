package votingwindow

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/burstline/terraform-provider-serverless/functions/internal/clock"
)

const (
	contentGzip = "application/gzip"
	contentText = "text/plain"
	contentPEM  = "application/x-pem-file"
)

// ExportConfig is the configuration of export.
type ExportConfig struct {
	Base
	Window
	BallotsTable  string `env:"BALLOTS_TABLE,required,notEmpty"`
	LedgerTable   string `env:"LEDGER_TABLE,required,notEmpty"`
	TalliesTable  string `env:"TALLIES_TABLE,required,notEmpty"`
	ResultsBucket string `env:"RESULTS_BUCKET,required,notEmpty"`
	ExportBucket  string `env:"EXPORT_BUCKET,required,notEmpty"` // May be the same: no one but its owner reads below `export/`.
	Identifiers   string `env:"EXPORT_IDENTIFIERS"`              // IdentifiersHashed or IdentifiersNone; empty for the first.
	SigningKey    string `env:"SIGNING_KEY"`                     // The ARN of a KMS key, ECC_NIST_P256 for SIGN_VERIFY; empty for no signature.
}

// Check says what is wrong with the configuration.
func (c ExportConfig) Check() error {
	switch c.Identifiers {
	case "", IdentifiersHashed, IdentifiersNone:
		return nil
	default:
		return fmt.Errorf("EXPORT_IDENTIFIERS is %q: it is %s or %s", c.Identifiers, IdentifiersHashed, IdentifiersNone)
	}
}

// ExportStore is what export reads.
type ExportStore interface {
	WindowState(ctx context.Context) (State, error)
	// BallotsInOrder and EntriesInOrder visit all items, strongly consistent, in an order that stands as long as the table does.
	BallotsInOrder(ctx context.Context, visit func(Ballot) error) error
	EntriesInOrder(ctx context.Context, visit func(Entry) error) error
}

// ExportBucket is where an export goes.
type ExportBucket interface {
	ObjectStore
	// Upload writes an object of any length as it is read, in little memory. Where reading fails there is no object, or the one that was there.
	Upload(ctx context.Context, key, contentType, cacheControl string, body io.Reader) error
}

// Signer is a private key that nobody has.
type Signer interface {
	// Sign signs a SHA-256 digest: ECDSA, ASN.1 DER.
	Sign(ctx context.Context, digest []byte) ([]byte, error)
	// PublicKey is the key to check it by: PKIX, DER.
	PublicKey(ctx context.Context) ([]byte, error)
	// ID is the key's ARN.
	ID() string
}

// Export writes ballots, ledger and results of a window that is final to a bucket, with a signed manifest, so that anybody who has the
// public key can prove later that nothing was changed; see exportcheck.
//
// The figures are counted as the rows go by. Where they are not those of the final state, nothing is written. The same final version
// gives the same objects again, but for the signature, which ECDSA makes anew.
type Export struct {
	Name        string // The window's.
	InForce     *Clocked
	Store       ExportStore
	Results     ObjectStore
	Bucket      ExportBucket
	Signer      Signer // nil for none.
	Identifiers string // IdentifiersHashed or IdentifiersNone.
	Clock       clock.Clock
	Log         *slog.Logger
}

// exportOrder is the event of export.
type exportOrder struct {
	Provisional bool `json:"provisional"` // Export what there is now, beside the final export.
	Scheduled   bool `json:"scheduled"`   // It is no fault if there is nothing to do.
}

// Exported is export's answer.
type Exported struct {
	Prefix  string `json:"prefix,omitempty"` // Of the objects' keys.
	Status  Status `json:"status"`
	Skipped string `json:"skipped,omitempty"` // Why nothing was written.
	*ExportCounts
	Signature string `json:"signature,omitempty"`
}

// Handle writes an export. The event `{}` asks for one of the final window, and is refused before; `{"provisional":true}` for one of the tables as
// they are; `{"scheduled":true}` for a final one unless it is there already, and before the window is final for none.
func (e *Export) Handle(ctx context.Context, event json.RawMessage) (Exported, error) {
	var order exportOrder
	if len(event) > 0 {
		if err := json.Unmarshal(event, &order); err != nil {
			return Exported{}, fmt.Errorf(`read event: %w; it is {}, {"provisional":true} or {"scheduled":true}`, err)
		}
	}
	window, err := e.InForce.InForce(ctx)
	if err != nil {
		return Exported{}, err
	}
	state, err := e.Store.WindowState(ctx)
	if err != nil {
		return Exported{}, fmt.Errorf("read the window's state: %w", err)
	}
	status := statusOf(e.Clock.Now(), window, state)
	final := status == StatusFinal
	answer := Exported{Prefix: ExportPrefix(window.ClosesAt, final), Status: status}
	switch {
	case !final && order.Scheduled:
		return Exported{Status: status, Skipped: "the window is not final yet"}, nil
	case !final && !order.Provisional:
		return Exported{}, fmt.Errorf(`the window is %s: it can be exported when it is final; {"provisional":true} exports what there is`, status)
	case order.Scheduled:
		there, err := e.there(ctx, answer.Prefix, state)
		if err != nil || there {
			answer.Skipped = "these figures were exported before"
			return answer, err
		}
	}
	manifest := Manifest{
		Schema: ManifestSchema, Name: e.Name, Status: status, OpensAt: clockText(window.OpensAt), ClosesAt: clockText(window.ClosesAt),
		Identifiers: e.Identifiers, Signature: SignatureNone,
	}
	if final {
		manifest.FinalAt = clockText(state.FinalAt)
	}
	if err := e.write(ctx, answer.Prefix, state, &manifest); err != nil {
		return Exported{}, err
	}
	e.Log.InfoContext(ctx, "export", "prefix", answer.Prefix, "status", status, "accepted", manifest.Counts.Accepted, "signature", manifest.Signature)
	answer.ExportCounts, answer.Signature = &manifest.Counts, manifest.Signature
	return answer, nil
}

// there says whether this version of the state was exported, in the way that is asked for now.
func (e *Export) there(ctx context.Context, prefix string, state State) (bool, error) {
	object, err := e.Bucket.GetObject(ctx, prefix+ManifestFile)
	if err != nil || object == nil {
		return false, err
	}
	var manifest Manifest
	if err := json.Unmarshal(object, &manifest); err != nil {
		return false, nil //nolint:nilerr // What cannot be read is written anew.
	}
	key := ""
	if e.Signer != nil {
		key = e.Signer.ID()
	}
	return manifest.Status == StatusFinal && manifest.FinalAt == clockText(state.FinalAt) && manifest.Identifiers == e.Identifiers && manifest.SigningKey == key, nil
}

// write writes all objects, the manifest last.
func (e *Export) write(ctx context.Context, prefix string, state State, manifest *Manifest) error {
	results, err := e.Results.GetObject(ctx, ResultsObject)
	if err != nil {
		return err
	}
	if results == nil {
		return errors.New("there are no results: the publisher has not written any")
	}
	if published := ReadResults(results); manifest.Status == StatusFinal &&
		(published.Status != StatusFinal || published.ClosesAt != manifest.ClosesAt || !state.Final.sameAnswers(Counts{Answers: published.Answers()})) {
		return fmt.Errorf("the published results, %s of %s, are not the final ones: the publisher is at it, export later", published.Status, published.AsOf)
	}
	counts, err := e.tables(ctx, prefix, state, manifest)
	if err != nil {
		return err
	}
	manifest.Counts = NewExportCounts(counts)
	sum := sha256.Sum256(results)
	manifest.Files = append(manifest.Files, FileSum{Name: ResultsFile, Bytes: int64(len(results)), SHA256: hex.EncodeToString(sum[:])})
	put := func(name, contentType string, body []byte) error {
		if err := e.Bucket.PutObject(ctx, prefix+name, body, contentType, cachePrivate); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		return nil
	}
	if err := put(ResultsFile, contentJSON, results); err != nil {
		return err
	}
	if e.Signer == nil {
		encoded, err := encodeManifest(*manifest)
		if err != nil {
			return err
		}
		return put(ManifestFile, contentJSON, encoded)
	}
	manifest.Signature, manifest.SigningKey = SignatureECDSA, e.Signer.ID()
	encoded, err := encodeManifest(*manifest)
	if err != nil {
		return err
	}
	signature, key, err := e.sign(ctx, encoded)
	if err != nil {
		return err
	}
	if err := put(PublicKeyFile, contentPEM, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key})); err != nil {
		return err
	}
	if err := put(SignatureFile, contentText, append(base64.StdEncoding.AppendEncode(nil, signature), '\n')); err != nil {
		return err
	}
	return put(ManifestFile, contentJSON, encoded)
}

func encodeManifest(manifest Manifest) ([]byte, error) {
	encoded, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(encoded, '\n'), nil
}

// sign signs the manifest and checks that by the public key: a signature that nobody can check is none.
func (e *Export) sign(ctx context.Context, manifest []byte) (signature, key []byte, err error) {
	if key, err = e.Signer.PublicKey(ctx); err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("read public key of %s: %w", e.Signer.ID(), err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, nil, fmt.Errorf("signing key %s is not of the spec ECC_NIST_P256", e.Signer.ID())
	}
	digest := sha256.Sum256(manifest)
	if signature, err = e.Signer.Sign(ctx, digest[:]); err != nil {
		return nil, nil, err
	}
	if !ecdsa.VerifyASN1(public, digest[:], signature) {
		return nil, nil, fmt.Errorf("the signature by %s does not hold by its public key", e.Signer.ID())
	}
	return signature, key, nil
}

// tables writes the files of both tables, or none: they appear only after their figures proved to be those of the state.
func (e *Export) tables(ctx context.Context, prefix string, state State, manifest *Manifest) (counts Counts, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	files := map[string]*exportFile{}
	for _, name := range []string{BallotsJSONFile, BallotsCSVFile, LedgerJSONFile, LedgerCSVFile} {
		files[name] = e.openFile(ctx, prefix, name)
	}
	defer func() {
		for _, file := range files {
			file.abandon(err)
		}
	}()
	if counts, err = e.rows(ctx, files); err != nil {
		return Counts{}, err
	}
	if manifest.Status == StatusFinal {
		if err := e.agree(ctx, state, counts); err != nil {
			return Counts{}, err
		}
	}
	for _, name := range []string{BallotsJSONFile, BallotsCSVFile, LedgerJSONFile, LedgerCSVFile} {
		described, err := files[name].finish()
		if err != nil {
			return Counts{}, err
		}
		manifest.Files = append(manifest.Files, described)
	}
	return counts, nil
}

// rows writes the rows of both tables and counts them.
func (e *Export) rows(ctx context.Context, files map[string]*exportFile) (Counts, error) {
	var counts Counts
	var sheet CSVWriter
	var line []byte
	add := func(lines, sheets *exportFile, row ExportRow) (err error) {
		row.Count(&counts)
		if line, err = AppendJSON(line[:0], row); err != nil {
			return err
		}
		cells, err := sheet.Row(row)
		if err != nil {
			return err
		}
		lines.rows++
		sheets.rows++
		return errors.Join(lines.line(line), sheets.line(cells))
	}
	header := func(file *exportFile, columns []string) error {
		cells, err := sheet.Header(columns)
		if err != nil {
			return err
		}
		return file.line(cells)
	}
	hide := e.Identifiers == IdentifiersNone
	ballots := func(ballot Ballot) error {
		if ballot.Rehearsal {
			return nil
		}
		row := ballotRow(ballot)
		if hide {
			row.Voter, row.Address = "", ""
		}
		return add(files[BallotsJSONFile], files[BallotsCSVFile], row)
	}
	entries := func(entry Entry) error {
		if entry.Rehearsal {
			return nil
		}
		row := entryRow(entry)
		if hide {
			row.Voter = ""
		}
		return add(files[LedgerJSONFile], files[LedgerCSVFile], row)
	}
	if err := header(files[BallotsCSVFile], BallotHeader); err != nil {
		return counts, err
	}
	if err := header(files[LedgerCSVFile], EntryHeader); err != nil {
		return counts, err
	}
	if err := e.Store.BallotsInOrder(ctx, ballots); err != nil {
		return counts, fmt.Errorf("read ballots: %w", err)
	}
	if err := e.Store.EntriesInOrder(ctx, entries); err != nil {
		return counts, fmt.Errorf("read ledger: %w", err)
	}
	return counts, nil
}

// agree says whether what was read is what the window was counted as. Ballots are the same; to the ledger, what surfaced later was
// added. The final figures must still be those that were read before.
func (e *Export) agree(ctx context.Context, state State, counts Counts) error {
	now, err := e.Store.WindowState(ctx)
	if err != nil {
		return fmt.Errorf("read the window's state: %w", err)
	}
	if now.Phase != state.Phase || !now.FinalAt.Equal(state.FinalAt) {
		return errors.New("the window was counted again in the meantime: export it again")
	}
	final := state.Final
	if !counts.sameAnswers(final) || counts.Quarantined != final.Quarantined || !noMore(final, counts) {
		return fmt.Errorf("the tables do not hold what was counted: final figures are %+v, ballots and ledger give %+v; nothing was written, "+
			"recount tells which is right", NewExportCounts(final), NewExportCounts(counts))
	}
	return nil
}
