package votingwindow

import (
	"strings"
	"time"
)

// Names of an export's objects. Of each table there are two files of the same rows in the same order.
const (
	BallotsJSONFile = "ballots.jsonl.gz"
	BallotsCSVFile  = "ballots.csv.gz"
	LedgerJSONFile  = "ledger.jsonl.gz"
	LedgerCSVFile   = "ledger.csv.gz"
	ResultsFile     = "results.json"   // What was published, byte by byte.
	ManifestFile    = "manifest.json"  // Written last: where it is, the rest is.
	SignatureFile   = "manifest.sig"   // Base64 of the ASN.1 DER of an ECDSA signature over the SHA-256 of manifest.json.
	PublicKeyFile   = "public-key.pem" // PKIX. A convenience: whoever could forge the files could forge it, too.
)

// ExportFiles are the files that a manifest lists, in its order.
func ExportFiles() []string {
	return []string{BallotsJSONFile, BallotsCSVFile, LedgerJSONFile, LedgerCSVFile, ResultsFile}
}

// ManifestSchema is the version of the format of exports.
const ManifestSchema = 1

// The values of Manifest.Signature.
const (
	SignatureECDSA = "ECDSA_SHA_256" // On the curve NIST P-256; AWS's name (KMS API Reference, Sign, SigningAlgorithm).
	SignatureNone  = "none"          // There is no signing key, and no manifest.sig.
)

// The values of Manifest.Identifiers.
const (
	IdentifiersHashed = "hashed" // Rows have the keyed hashes of voters and addresses.
	IdentifiersNone   = "none"   // Rows have neither.
)

// Manifest is manifest.json: what an export holds. Times are RFC 3339 in UTC. It tells no time of its own, so that the same final
// version gives the same manifest.
type Manifest struct {
	Schema      int          `json:"schema"`
	Name        string       `json:"name"`   // The window's.
	Status      Status       `json:"status"` // final, else what the window was when its tables were read while they changed.
	OpensAt     string       `json:"opens_at"`
	ClosesAt    string       `json:"closes_at"`          // In force.
	FinalAt     string       `json:"final_at,omitempty"` // When the ballots were counted for good: the same moment is the same figures.
	Identifiers string       `json:"identifiers"`
	Counts      ExportCounts `json:"counts"`
	Files       []FileSum    `json:"files"`
	Signature   string       `json:"signature"`
	SigningKey  string       `json:"signing_key,omitempty"` // The ARN of the KMS key.
}

// ExportCounts are the figures of an export's rows: accepted = counted + quarantined + duplicate + replaced + late + rejected.
type ExportCounts struct {
	Accepted    int64 `json:"accepted"`
	Counted     int64 `json:"counted"`
	Quarantined int64 `json:"quarantined"` // Ballots that are in the files and not in the results.
	Duplicate   int64 `json:"duplicate"`
	Replaced    int64 `json:"replaced"`
	Late        int64 `json:"late"`
	Rejected    int64 `json:"rejected"`
	Released    int64 `json:"released"` // Of the counted, those that an operator released from quarantine.
	// Questions has the counted ballots: question → answer → number. Answers that nobody chose are left out.
	Questions map[string]map[string]int64 `json:"questions"`
}

// FileSum is one file of an export.
type FileSum struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // In lower-case hexadecimals.
	Rows   int64  `json:"rows"`   // Of a table, without the CSV's header; zero of results.json.
}

// NewExportCounts tells the counts of rows as a manifest does.
func NewExportCounts(counts Counts) ExportCounts {
	questions := map[string]map[string]int64{}
	for choice, n := range counts.Answers {
		if n == 0 {
			continue
		}
		question, answer, _ := strings.Cut(choice, "/")
		if questions[question] == nil {
			questions[question] = map[string]int64{}
		}
		questions[question][answer] = n
	}
	return ExportCounts{
		Accepted: counts.Accepted(), Counted: counts.Counted(), Quarantined: counts.Quarantined, Duplicate: counts.Duplicate,
		Replaced: counts.Replaced, Late: counts.Late, Rejected: counts.Rejected, Released: counts.Released, Questions: questions,
	}
}

// ExportPrefix is where the objects of an export are in its bucket: `export/20270522T182500Z/` by the closing time, with
// `-provisional` behind the time where it is not final.
func ExportPrefix(closesAt time.Time, final bool) string {
	prefix := "export/" + closesAt.UTC().Format("20060102T150405Z")
	if !final {
		prefix += "-provisional"
	}
	return prefix + "/"
}
