package permission

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// s3 follows the Service Authorization Reference, Amazon S3, and the User Guide's "Required permissions for Amazon S3 API
// operations", which says by what an operation is judged whose action has another name.
var s3 = rowsOf{}.
	as("s3:ListAllMyBuckets", anything, "ListBuckets").
	as("s3:ListBucket", bucketARN, "HeadBucket").
	with("ListObjects", listing("s3:ListBucket")).with("ListObjectsV2", listing("s3:ListBucket")).
	with("ListObjectVersions", listing("s3:ListBucketVersions")).
	as("s3:ListBucketMultipartUploads", bucketARN, "ListMultipartUploads").
	each("s3", bucketARN, "DeleteBucket", "DeleteBucketPolicy", "DeleteBucketWebsite", "GetBucketAcl", "GetBucketLocation", "GetBucketLogging",
		"GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketRequestPayment", "GetBucketTagging",
		"GetBucketVersioning", "GetBucketWebsite", "PutBucketAcl", "PutBucketLogging", "PutBucketOwnershipControls", "PutBucketPolicy",
		"PutBucketRequestPayment", "PutBucketTagging", "PutBucketVersioning", "PutBucketWebsite").
	as("s3:GetAccelerateConfiguration", bucketARN, "GetBucketAccelerateConfiguration").
	as("s3:PutAccelerateConfiguration", bucketARN, "PutBucketAccelerateConfiguration").
	as("s3:GetBucketCORS", bucketARN, "GetBucketCors").
	as("s3:PutBucketCORS", bucketARN, "PutBucketCors", "DeleteBucketCors").
	as("s3:GetEncryptionConfiguration", bucketARN, "GetBucketEncryption").
	as("s3:PutEncryptionConfiguration", bucketARN, "PutBucketEncryption", "DeleteBucketEncryption").
	as("s3:GetLifecycleConfiguration", bucketARN, "GetBucketLifecycleConfiguration").
	as("s3:PutLifecycleConfiguration", bucketARN, "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle").
	as("s3:GetReplicationConfiguration", bucketARN, "GetBucketReplication").
	as("s3:PutReplicationConfiguration", bucketARN, "PutBucketReplication", "DeleteBucketReplication").
	as("s3:GetBucketPublicAccessBlock", bucketARN, "GetPublicAccessBlock").
	as("s3:PutBucketPublicAccessBlock", bucketARN, "PutPublicAccessBlock", "DeletePublicAccessBlock").
	as("s3:GetBucketNotification", bucketARN, "GetBucketNotificationConfiguration").
	as("s3:PutBucketNotification", bucketARN, "PutBucketNotificationConfiguration").
	as("s3:PutBucketTagging", bucketARN, "DeleteBucketTagging").
	as("s3:PutBucketOwnershipControls", bucketARN, "DeleteBucketOwnershipControls").
	as("s3:GetBucketObjectLockConfiguration", bucketARN, "GetObjectLockConfiguration").
	as("s3:PutBucketObjectLockConfiguration", bucketARN, "PutObjectLockConfiguration").
	with("CreateBucket", createBucket).
	each("s3", objectARN, "AbortMultipartUpload", "GetObjectLegalHold", "GetObjectRetention", "GetObjectTorrent", "PutObjectLegalHold",
		"PutObjectRetention", "RestoreObject").
	as("s3:ListMultipartUploadParts", objectARN, "ListParts").
	with("GetObjectAcl", versioned("s3:GetObjectAcl", "s3:GetObjectVersionAcl")).
	with("PutObjectAcl", versioned("s3:PutObjectAcl", "s3:PutObjectVersionAcl")).
	with("GetObjectTagging", versioned("s3:GetObjectTagging", "s3:GetObjectVersionTagging")).
	with("PutObjectTagging", versioned("s3:PutObjectTagging", "s3:PutObjectVersionTagging")).
	with("DeleteObjectTagging", versioned("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging")).
	with("DeleteObject", versioned("s3:DeleteObject", "s3:DeleteObjectVersion")).
	with("DeleteObjects", deleteObjects).
	with("GetObject", getObject).with("HeadObject", getObject).with("SelectObjectContent", getObject).
	with("GetObjectAttributes", func(c *Call) ([]Need, error) {
		if c.text("versionId") != "" {
			return needs(objectARN(c), "s3:GetObjectVersion", "s3:GetObjectVersionAttributes"), nil
		}
		return needs(objectARN(c), "s3:GetObject", "s3:GetObjectAttributes"), nil
	}).
	with("PutObject", putObject).with("CreateMultipartUpload", putObject).with("UploadPart", putObject).with("CompleteMultipartUpload", putObject).
	with("CopyObject", copyObject).with("UploadPartCopy", copyObject)

func bucketARN(c *Call) string { return "arn:aws:s3:::" + c.text("Bucket") }

func objectARN(c *Call) string { return bucketARN(c) + "/" + c.text("Key") }

// listing gives the keys that narrow a list (S3 User Guide, "Bucket policy examples using condition keys").
func listing(action string) row {
	return func(c *Call) ([]Need, error) {
		need := Need{Action: action, Resource: bucketARN(c), Context: Context{}}
		for _, key := range []string{"prefix", "delimiter", "max-keys"} {
			if s, given := c.Input[key].(string); given {
				need.Context.Set("s3:"+key, s)
			}
		}
		return []Need{need}, nil
	}
}

// versioned is the action on an object, or on a version of it where the call names one.
func versioned(object, version string) row {
	return func(c *Call) ([]Need, error) {
		if c.text("versionId") != "" {
			return needs(objectARN(c), version), nil
		}
		return needs(objectARN(c), object), nil
	}
}

// createBucket needs s3:TagResource for tags, and more for what it grants (S3 API Reference, CreateBucket, "Permissions").
func createBucket(c *Call) ([]Need, error) {
	out := needs(bucketARN(c), "s3:CreateBucket")
	if err := c.readBody(); err != nil {
		return nil, err
	}
	if c.tagged() {
		out = append(out, needs(bucketARN(c), "s3:TagResource")...)
	}
	if c.grantsACL() {
		out = append(out, needs(bucketARN(c), "s3:PutBucketAcl")...)
	}
	if c.Header.Get("X-Amz-Object-Ownership") != "" {
		out = append(out, needs(bucketARN(c), "s3:PutBucketOwnershipControls")...)
	}
	return out, nil
}

// grantsACL tells whether a request carries an access control list other than the private one, which is the default.
func (c *Call) grantsACL() bool {
	if acl := c.Header.Get("X-Amz-Acl"); acl != "" && acl != "private" {
		return true
	}
	for name := range c.Header {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return true
		}
	}
	return false
}

// deleteObjects judges every key by itself. AWS answers 200 and lists the keys that it refused; here the whole call is refused,
// which a caller that looks at both finds out just as well.
func deleteObjects(c *Call) ([]Need, error) {
	var body struct {
		Object []struct{ Key, VersionId string } //nolint:revive // as XML has it
	}
	if err := xml.Unmarshal(c.Body, &body); err != nil {
		return nil, fmt.Errorf("read the list of objects: %w", err)
	}
	var out []Need
	for _, object := range body.Object {
		action := "s3:DeleteObject"
		if object.VersionId != "" {
			action = "s3:DeleteObjectVersion"
		}
		out = append(out, Need{Action: action, Resource: bucketARN(c) + "/" + object.Key})
	}
	return out, nil
}

// getObject also reads by the bucket's key (S3 User Guide, "Using server-side encryption with AWS KMS keys"). The gate knows
// the bucket's default key and takes it for the object's.
func getObject(c *Call) ([]Need, error) {
	action := "s3:GetObject"
	if c.text("versionId") != "" {
		action = "s3:GetObjectVersion"
	}
	return c.inUse(needs(objectARN(c), action), bucketARN(c), "s3", "kms:Decrypt")
}

// putObject covers the parts of an upload, too (S3 User Guide, "Multipart upload API and permissions"): with a KMS key,
// parts after the first need kms:Decrypt.
func putObject(c *Call) ([]Need, error) {
	if c.Operation == "PutObject" {
		return c.inEncryption(c.writing(), "kms:GenerateDataKey")
	}
	return c.inEncryption(c.writing(), "kms:GenerateDataKey", "kms:Decrypt")
}

// writing is what headers of a write ask for beside the write.
func (c *Call) writing() []Need {
	need := Need{Action: "s3:PutObject", Resource: objectARN(c), Context: Context{}}
	for name, values := range c.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-amz-") {
			need.Context.Set("s3:"+lower, values...)
		}
	}
	out := []Need{need}
	if c.Header.Get("X-Amz-Tagging") != "" {
		out = append(out, needs(objectARN(c), "s3:PutObjectTagging")...)
	}
	if c.grantsACL() {
		out = append(out, needs(objectARN(c), "s3:PutObjectAcl")...)
	}
	return out
}

// inEncryption adds the use of the key that a header names, else of the bucket's.
func (c *Call) inEncryption(out []Need, actions ...string) ([]Need, error) {
	if c.Header.Get("X-Amz-Server-Side-Encryption") == "" {
		return c.inUse(out, bucketARN(c), "s3", actions...)
	}
	use, err := c.useKey(c.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"), "s3", actions...)
	return append(out, use...), err
}

// copyObject reads its source and writes its copy (S3 API Reference, CopyObject, "Permissions").
func copyObject(c *Call) ([]Need, error) {
	source, version, _ := strings.Cut(strings.TrimPrefix(c.Header.Get("X-Amz-Copy-Source"), "/"), "?versionId=")
	source, err := unescape(source)
	if err != nil {
		return nil, err
	}
	action := "s3:GetObject"
	if version != "" {
		action = "s3:GetObjectVersion"
	}
	bucket, _, _ := strings.Cut(source, "/")
	out, err := c.inUse(needs("arn:aws:s3:::"+source, action), "arn:aws:s3:::"+bucket, "s3", "kms:Decrypt")
	if err != nil {
		return nil, err
	}
	return c.inEncryption(append(out, c.writing()...), "kms:GenerateDataKey")
}
