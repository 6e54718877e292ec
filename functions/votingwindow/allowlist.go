package votingwindow

import (
	"io"

	"github.com/burstline/terraform-provider-serverless/functions/internal/allowlist"
)

// AllowList is the set of identifiers that may vote, as their hashes.
type AllowList = allowlist.List

// ReadAllowList reads a list's object in one pass: its entries, sorted, each once, one after the other. size is its length in bytes, or
// less where it is unknown.
func ReadAllowList(object io.Reader, size int64) (AllowList, error) {
	return allowlist.Read(object, size)
}
