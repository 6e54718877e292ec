package pipeline

import (
	"errors"
	"fmt"
)

// Reason is why a file is a failure.
type Reason string

// The reasons.
const (
	FileEmpty       Reason = "empty"       // There is nothing in it.
	FileNotJSON     Reason = "not_json"    // It is neither JSON nor JSON lines.
	FileTooDeep     Reason = "too_deep"    // It is nested deeper than MaxDepth.
	FileTooLarge    Reason = "too_large"   // It, or an item of it, has more bytes than are taken.
	FileMissing     Reason = "missing"     // A required attribute, or the records, are not there.
	FileWrongType   Reason = "wrong_type"  // A value is of another type than the mapping says.
	FileNoKey       Reason = "no_key"      // An item has no key, or one that can be none.
	FileGone        Reason = "gone"        // It was there when it was listed.
	FileDenied      Reason = "denied"      // S3 does not let it be read.
	FileRefused     Reason = "refused"     // DynamoDB does not take an item of it.
	FileUnavailable Reason = "unavailable" // S3 or DynamoDB did not answer for longer than files are tried.
)

// Reasons are all reasons, in the order of their names.
var Reasons = []Reason{
	FileDenied, FileEmpty, FileGone, FileMissing, FileNoKey, FileNotJSON, FileRefused, FileTooDeep, FileTooLarge, FileUnavailable, FileWrongType,
}

// Failure is a file that became no items.
type Failure struct {
	Key    string `json:"key"`
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// fault is an error by which a file is a failure, and not tried again.
type fault struct {
	reason Reason
	detail string
}

func (f *fault) Error() string { return string(f.reason) + ": " + f.detail }

func faulty(reason Reason, format string, values ...any) error {
	return &fault{reason, fmt.Sprintf(format, values...)}
}

// maxDetailBytes bounds what is kept of a failure's detail.
const maxDetailBytes = 200

// failureOf is the failure that an error makes of a file; false where the file is to be tried again.
func failureOf(key string, err error) (Failure, bool) {
	var why *fault
	if !errors.As(err, &why) {
		return Failure{}, false
	}
	return Failure{key, why.reason, cut(why.detail, maxDetailBytes)}, true
}
