package blueprint

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Bucket says what an S3 bucket should be.
type Bucket struct {
	// PublicRead lists object keys that anybody may read; none makes the bucket
	// private. A bucket with public objects is encrypted by S3's own key, since
	// anonymous readers cannot use KMS.
	PublicRead []string
	// Origins may read public objects from a browser's script.
	Origins []string
	// Data marks a bucket whose objects cannot be made again.
	Data bool
}

// BucketSpec is the spec of a bucket.
type BucketSpec struct {
	Encryption  string   `json:"encryption"`
	KMSKeyARN   string   `json:"kms_key"`
	BlockPublic bool     `json:"block_public_access"`
	Policy      Policy   `json:"policy"`
	CORSOrigins []string `json:"cors_allowed_origins"`
}

// Kind implements Spec.
func (BucketSpec) Kind() string { return "bucket" }

// BucketHandle refers to a bucket.
type BucketHandle struct {
	Handle
	kms string
}

// Bucket describes a bucket. Every bucket refuses plain HTTP, as AWS's
// security standard asks (Security Hub control S3.5).
func (b *Builder) Bucket(key string, k Bucket) BucketHandle {
	h := b.add(key, b.globalName(key), nil)
	handle := BucketHandle{Handle: h}
	spec := BucketSpec{Encryption: "AES256", BlockPublic: len(k.PublicRead) == 0, CORSOrigins: slices.Clone(k.Origins)}
	if b.settings.KMSKeyARN != "" && spec.BlockPublic {
		spec.Encryption, spec.KMSKeyARN, handle.kms = "aws:kms", b.settings.KMSKeyARN, b.settings.KMSKeyARN
	}
	var policy []Statement
	if len(k.PublicRead) > 0 {
		public := Statement{Sid: "PublicRead", Effect: "Allow", Principal: everyone(), Action: []string{"s3:GetObject"}}
		for _, object := range k.PublicRead {
			public.Resource = append(public.Resource, handle.ObjectARN(object))
		}
		policy = append(policy, public)
	}
	policy = append(policy, Statement{
		Sid: "EncryptedTransport", Effect: "Deny", Principal: everyone(), Action: []string{"s3:*"},
		Resource:  []string{handle.ARN(), handle.ObjectARN("*")},
		Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"false"}}},
	})
	spec.Policy = NewPolicy(policy...)
	h.part.Spec, h.part.Data = spec, k.Data
	return handle
}

func everyone() map[string][]string { return map[string][]string{"AWS": {"*"}} }

// ARN returns the bucket's ARN.
func (k BucketHandle) ARN() string { return "arn:" + Partition() + ":s3:::" + k.Name() }

// ObjectARN returns the ARN of an object, or of a pattern of objects.
func (k BucketHandle) ObjectARN(object string) string { return k.ARN() + "/" + object }

// URL returns the address under which the bucket's objects are read.
func (k BucketHandle) URL() string { return Ref(k.Key(), "url") }

// Put grants writing the named objects.
func (k BucketHandle) Put(objects ...string) []Grant {
	return k.grants(objects, []string{"s3:PutObject"}, "kms:GenerateDataKey")
}

// Get grants reading the named objects.
func (k BucketHandle) Get(objects ...string) []Grant {
	return k.grants(objects, []string{"s3:GetObject"}, "kms:Decrypt")
}

// List grants telling an object that is missing from one that is forbidden
// (S3 API Reference, GetObject: 404 needs s3:ListBucket, else it is 403).
func (k BucketHandle) List() []Grant {
	return []Grant{{Actions: []string{"s3:ListBucket"}, Resources: []string{k.ARN()}}}
}

func (k BucketHandle) grants(objects, actions []string, keyActions ...string) []Grant {
	g := Grant{Actions: actions}
	for _, object := range objects {
		g.Resources = append(g.Resources, k.ObjectARN(object))
	}
	return append([]Grant{g}, useKey(k.kms, keyActions...)...)
}

// ObjectSpec is the spec of an object in a bucket of the same system.
type ObjectSpec struct {
	Bucket string `json:"bucket" fixed:"true"`
	Key    string `json:"key" fixed:"true"`
	// SHA256 is the hex digest of the content.
	SHA256       string `json:"sha256"`
	ContentType  string `json:"content_type"`
	CacheControl string `json:"cache_control"`
	// Content is the content itself, where it is small and comes from the
	// arguments; empty where the engine finds the content by its digest (a
	// bundle of functions).
	Content string `json:"-"`
}

// Kind implements Spec.
func (ObjectSpec) Kind() string { return "object" }

// Object is a small object whose content comes from the system's arguments.
type Object struct {
	ContentType, CacheControl, Content string
}

// Object describes an object in a bucket. The content may hold no tokens.
func (b *Builder) Object(key string, bucket BucketHandle, object string, o Object) Handle {
	digest := sha256.Sum256([]byte(o.Content))
	return b.object(key, bucket, ObjectSpec{
		Key: object, SHA256: hex.EncodeToString(digest[:]),
		ContentType: o.ContentType, CacheControl: o.CacheControl, Content: o.Content,
	})
}

func (b *Builder) object(key string, bucket BucketHandle, spec ObjectSpec) Handle {
	spec.Bucket = bucket.Name()
	// Like every part whose object lives inside another, it is named by both.
	return b.add(key, spec.Bucket+"/"+spec.Key, spec, bucket.Key())
}
