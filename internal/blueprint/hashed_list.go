package blueprint

import "strings"

// MaxListEntries is the greatest number of identifiers in a hashed list: their
// hashes, 80 MB, are held in memory while they are sorted.
const MaxListEntries = 10_000_000

// HashedList says which identifiers an object should hold, as hashes. Exactly
// one source is given.
type HashedList struct {
	// File is the path of a local text file with one identifier a line, SHA256
	// the hex digest of its bytes. The digest is what a plan goes by; an apply
	// refuses a file that has another.
	File, SHA256 string
	// URI is such a file in S3: "s3://bucket/key". Version is the object's
	// version id or ETag: an apply reads just that, and a plan tells a changed
	// list by it. With neither, the apply reads what is there, and nothing tells
	// that it has changed since.
	URI, VersionID, ETag string
}

// HashedListSpec is the spec of an object with the hashes of identifiers.
type HashedListSpec struct {
	Bucket string `json:"bucket" fixed:"true"`
	Key    string `json:"key" fixed:"true"`
	// Secret is the name of the parameter with the key of the hashes, and
	// SecretVersion the version of its value.
	Secret        string `json:"secret"`
	SecretVersion string `json:"secret_version"`
	// SHA256 of a local file, or SourceBucket and SourceKey, and VersionID or
	// ETag, of an object.
	SHA256       string `json:"source_sha256"`
	SourceBucket string `json:"source_bucket"`
	SourceKey    string `json:"source_key"`
	VersionID    string `json:"source_version_id"`
	ETag         string `json:"source_etag"`
	// File is the path of a local source. The same list at another path is no
	// change.
	File string `json:"-"`
	// SecretKMSKeyARN is the customer's key of the secret; empty for none.
	SecretKMSKeyARN string `json:"-"`
}

// Kind implements Spec.
func (HashedListSpec) Kind() string { return "hashed_list" }

// Source names the list for people: a path, or an S3 URI.
func (s HashedListSpec) Source() string {
	if s.SourceBucket != "" {
		return s3Scheme + s.SourceBucket + "/" + s.SourceKey
	}
	return s.File
}

const s3Scheme = "s3://"

// HashedListHandle refers to a hashed list.
type HashedListHandle struct {
	Handle
	bucket         BucketHandle
	object, source string
}

// HashedList describes an object in a bucket with the hash of each identifier of
// a list, under a secret of form Random32. The object holds 8 bytes an entry in
// ascending order: the first 8 of HMAC-SHA-256(secret, "allow\n" + identifier).
func (b *Builder) HashedList(key string, bucket BucketHandle, object string, secret SecretHandle, l HashedList) HashedListHandle {
	spec := HashedListSpec{
		Bucket: bucket.Name(), Key: object, Secret: secret.Name(), SecretVersion: secret.Version(), SecretKMSKeyARN: secret.kms,
		File: l.File, SHA256: l.SHA256, VersionID: l.VersionID, ETag: strings.Trim(l.ETag, `"`),
	}
	if at, ok := strings.CutPrefix(l.URI, s3Scheme); ok {
		spec.SourceBucket, spec.SourceKey, _ = strings.Cut(at, "/")
	}
	// Like every part whose object lives inside another, it is named by both.
	h := b.add(key, spec.Bucket+"/"+object, spec, bucket.Key(), secret.Key())
	return HashedListHandle{Handle: h, bucket: bucket, object: object, source: strings.Join([]string{spec.SHA256, l.URI, spec.VersionID, spec.ETag}, " ")}
}

// Entries returns a reference to the number of different identifiers.
func (l HashedListHandle) Entries() string { return Ref(l.Key(), "entries") }

// Duplicates returns a reference to the number of lines that repeat another.
func (l HashedListHandle) Duplicates() string { return Ref(l.Key(), "duplicates") }

// Version returns a text that changes whenever the arguments give another list, and
// that is not there before the object has it: for what reads the list once.
func (l HashedListHandle) Version() string {
	if HasToken(l.source) { // A plan that does not know it yet must be able to tell.
		return l.source + l.Entries()
	}
	return digest([]byte(l.source))[:16] + "-" + l.Entries()
}

// Object returns the key of the object within its bucket.
func (l HashedListHandle) Object() string { return l.object }

// Read grants reading the hashes.
func (l HashedListHandle) Read() []Grant { return l.bucket.Get(l.object) }
