package blueprint

import "slices"

// Bucket says what an S3 bucket should be.
type Bucket struct {
	// PublicRead lists object keys that anybody may read; none makes the bucket
	// private. A bucket with public objects is encrypted by S3's own key, since
	// anonymous readers cannot use KMS.
	PublicRead []string
	// Origins may read public objects from a browser's script.
	Origins []string
	// Origin marks the origin of a distribution, which alone reads it: its policy
	// is a part of its own, since it names the distribution. It is encrypted by
	// S3's own key, since CloudFront may not use others' unless their own policies
	// say so.
	Origin bool
	// PlainHTTP lets objects be read without TLS, which website endpoints do not
	// have (S3 User Guide, "Website endpoints").
	PlainHTTP bool
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
	if b.settings.KMSKeyARN != "" && spec.BlockPublic && !k.Origin {
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
	policy = append(policy, handle.encryptedTransport(k.PlainHTTP))
	spec.Policy = NewPolicy(policy...)
	if k.Origin {
		spec.Policy = NewPolicy()
		h.part.RuntimeOwned = []string{"policy"}
	}
	h.part.Spec, h.part.Data = spec, k.Data
	return handle
}

// encryptedTransport refuses plain HTTP: to everything, or to all but reading
// objects.
func (k BucketHandle) encryptedTransport(plainReads bool) Statement {
	s := Statement{
		Sid: "EncryptedTransport", Effect: "Deny", Principal: everyone(), Action: []string{"s3:*"},
		Resource:  []string{k.ARN(), k.ObjectARN("*")},
		Condition: map[string]map[string][]string{"Bool": {"aws:SecureTransport": {"false"}}},
	}
	if plainReads {
		s.Action = []string{"s3:Delete*", "s3:List*", "s3:Put*"}
	}
	return s
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

// Delete grants removing the named objects.
func (k BucketHandle) Delete(objects ...string) []Grant {
	return k.grants(objects, []string{"s3:DeleteObject"})
}

// Upload grants writing the named objects piece by piece, and giving up what was
// begun (S3 User Guide, "Multipart upload API and permissions").
func (k BucketHandle) Upload(objects ...string) []Grant {
	abort := Rarely("only where an upload fails", k.grants(objects, []string{"s3:AbortMultipartUpload"}))
	return append(abort, k.grants(objects, []string{"s3:PutObject"}, "kms:Decrypt", "kms:GenerateDataKey")...)
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
	if len(keyActions) == 0 {
		return []Grant{g}
	}
	return append([]Grant{g}, useKey(k.kms, keyActions...)...)
}
