package blueprint

import (
	"cmp"
	"regexp"
	"slices"
)

// Distribution says what a CloudFront distribution should be.
type Distribution struct {
	// Origin is the bucket whose objects it serves, made with Origin set.
	Origin BucketHandle
	// Objects are the keys, or patterns of keys, that it may read; none for all.
	Objects []string
	// RootObject answers for "/"; empty for index.html.
	RootObject string
	// PriceClass is where it is served from; empty for PriceClass_100, North
	// America and Europe, the cheapest (CloudFront Developer Guide, "Price class").
	// Viewers elsewhere are served from there.
	PriceClass string
	// Domains are the names of one's own that it answers to, and CertificateARN a
	// certificate for them in us-east-1 (CloudFront Developer Guide, "Requirements
	// for using SSL/TLS certificates with CloudFront").
	Domains        []string
	CertificateARN string
	// WebACLARN is a web ACL of AWS WAF with the scope CLOUDFRONT; empty for none.
	WebACLARN string
	// AnyOrigin lets scripts of every site read what it serves.
	AnyOrigin bool
	// ViewerRequest sees every request first; nil for none.
	ViewerRequest *EdgeFunctionHandle
}

// Managed policies by their ids (CloudFront Developer Guide, "Use managed cache
// policies" and "Use managed response headers policies").
const (
	// CachingOptimized keeps an object for as long as its Cache-Control says, at
	// least one second, and one without it for a day. Query strings, cookies and
	// headers make no difference. UseOriginCacheControlHeaders would begin at 0 s,
	// but sends the viewer's Host to the origin, which no bucket answers to.
	CachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
	// SecurityHeaders adds HSTS, nosniff, frame and referrer policies; the other
	// one lets every site's scripts read, too.
	SecurityHeaders        = "67f7725c-6f97-4210-82d7-5512b31e9d03"
	CORSAndSecurityHeaders = "e61eb60c-9c35-4d20-a928-2b84e02af89c"
)

// errorTTL is for how long an edge remembers that an object is missing, in
// seconds: results that appear are seen at once. CloudFront's own is 10 s
// (CloudFront Developer Guide, "Control how long CloudFront caches errors").
const errorTTL = 1

// DistributionSpec is the spec of a distribution.
type DistributionSpec struct {
	// Origin is the domain of the bucket, AccessControl the id of the control by
	// which it is read.
	Origin         string   `json:"origin"`
	AccessControl  string   `json:"origin_access_control"`
	RootObject     string   `json:"default_root_object"`
	PriceClass     string   `json:"price_class"`
	Domains        []string `json:"aliases"`
	CertificateARN string   `json:"certificate"`
	MinimumTLS     string   `json:"minimum_protocol_version"`
	WebACLARN      string   `json:"web_acl"`
	CachePolicy    string   `json:"cache_policy"`
	HeadersPolicy  string   `json:"response_headers_policy"`
	ViewerProtocol string   `json:"viewer_protocol_policy"`
	Methods        []string `json:"allowed_methods"`
	HTTPVersion    string   `json:"http_version"`
	Compress       bool     `json:"compression"`
	IPv6           bool     `json:"ipv6"`
	ErrorTTL       int      `json:"error_caching_minimum_ttl" unit:"s"`
	ViewerRequest  string   `json:"viewer_request_function"`
	Enabled        bool     `json:"enabled"`
	// Deployed is true: all edges have all of this.
	Deployed bool `json:"deployed"`
	// System and Deployment are the tags by which a deployer may know it as its
	// own: ids are not known beforehand.
	System     string `json:"-"`
	Deployment string `json:"-"`
}

// Kind implements Spec.
func (DistributionSpec) Kind() string { return "distribution" }

// AccessControlSpec is the spec of an origin access control: it lets one's
// distributions sign what they ask of a bucket.
type AccessControlSpec struct {
	OriginType string `json:"origin_type"`
	Signing    string `json:"signing_behavior"`
	Protocol   string `json:"signing_protocol"`
	// Description carries the marks of ownership: access controls take no tags.
	Description string `json:"description"`
}

// Kind implements Spec.
func (AccessControlSpec) Kind() string { return "origin_access_control" }

// BucketPolicySpec is the spec of a bucket's policy that names what is made
// after the bucket.
type BucketPolicySpec struct {
	Bucket string `json:"bucket" fixed:"true"`
	Policy Policy `json:"policy"`
}

// Kind implements Spec.
func (BucketPolicySpec) Kind() string { return "bucket_policy" }

// SidReadByDistribution marks the statement that lets a distribution read.
const SidReadByDistribution = "ReadByDistribution"

// DistributionHandle refers to a distribution.
type DistributionHandle struct {
	Handle
	origin BucketHandle
	edge   *EdgeFunctionHandle
}

// Distribution describes a distribution before a bucket, with the control by
// which it reads the bucket, and the bucket's policy that lets it. What is
// missing in the bucket is missing (404) rather than forbidden: it may list the
// bucket, which viewers cannot, as "/" is the root object.
func (b *Builder) Distribution(key string, d Distribution) DistributionHandle {
	access := b.add(key+"-access", b.name(key), AccessControlSpec{
		OriginType: "s3", Signing: "always", Protocol: "sigv4", Description: Mark(b.settings.System, b.settings.Name, key+"-access"),
	})
	spec := DistributionSpec{
		Origin: d.Origin.Name() + ".s3." + Region() + ".amazonaws.com", AccessControl: Ref(access.Key(), "id"),
		RootObject: cmp.Or(d.RootObject, "index.html"), PriceClass: cmp.Or(d.PriceClass, "PriceClass_100"),
		Domains: slices.Sorted(slices.Values(d.Domains)), CertificateARN: d.CertificateARN, WebACLARN: d.WebACLARN,
		CachePolicy: CachingOptimized, HeadersPolicy: SecurityHeaders, ViewerProtocol: "redirect-to-https", Methods: []string{"GET", "HEAD"},
		HTTPVersion: "http2and3", Compress: true, IPv6: true, ErrorTTL: errorTTL, Enabled: true, Deployed: true,
		System: b.settings.System.Name, Deployment: b.settings.Name,
	}
	if d.AnyOrigin {
		spec.HeadersPolicy = CORSAndSecurityHeaders
	}
	if spec.CertificateARN != "" {
		// CloudFront Developer Guide, "Supported protocols and ciphers between viewers
		// and CloudFront": what it recommends.
		spec.MinimumTLS = "TLSv1.2_2021"
	}
	after := []string{d.Origin.Key()}
	if d.ViewerRequest != nil {
		spec.ViewerRequest = d.ViewerRequest.ARN()
		after = append(after, d.ViewerRequest.Key())
	}
	h := DistributionHandle{b.add(key, b.name(key), spec, after...), d.Origin, d.ViewerRequest}
	b.readBy(h, d.Objects)
	return h
}

// readBy lets the distribution alone read its origin.
func (b *Builder) readBy(d DistributionHandle, objects []string) {
	bucket := d.origin
	if len(objects) == 0 {
		objects = []string{"*"}
	}
	// The confused deputy (CloudFront Developer Guide, "Restrict access to an
	// Amazon S3 origin").
	allow := func(sid, action string) Statement {
		return Statement{
			Sid: sid, Effect: "Allow", Principal: map[string][]string{"Service": {"cloudfront.amazonaws.com"}}, Action: []string{action},
			Condition: Condition{"StringEquals": {"aws:SourceArn": {d.ARN()}}},
		}
	}
	read, list := allow(SidReadByDistribution, "s3:GetObject"), allow("MissingByDistribution", "s3:ListBucket")
	for _, object := range objects {
		read.Resource = append(read.Resource, bucket.ObjectARN(object))
	}
	list.Resource = []string{bucket.ARN()}
	b.add(bucket.Key()+"-policy", bucket.Name(), BucketPolicySpec{
		Bucket: bucket.Name(), Policy: NewPolicy(read, list, bucket.encryptedTransport(false)),
	}, bucket.Key())
}

// ID returns a reference to the distribution's id.
func (d DistributionHandle) ID() string { return Ref(d.Key(), "id") }

// ARN returns the distribution's ARN, which has no region.
func (d DistributionHandle) ARN() string {
	return "arn:" + Partition() + ":cloudfront::" + Account() + ":distribution/" + d.ID()
}

// DomainName returns a reference to the domain that CloudFront gives it, to which
// the domains of one's own point.
func (d DistributionHandle) DomainName() string { return Ref(d.Key(), "domain") }

// URL returns a reference to its address under that domain.
func (d DistributionHandle) URL() string { return Ref(d.Key(), "url") }

// Serves are n objects of so many bytes, headers included, of which the share
// hits (0 to 1) is answered by the edge, and the rest is read from the bucket. From
// there the bytes are free (S3 pricing, data transfer).
func (d DistributionHandle) Serves(n, bytes, hits float64) []Operation {
	out := append(d.does(Deliver, n, bytes), d.origin.Gets(n*(1-hits))...)
	if d.edge != nil {
		out = append(out, d.edge.does(RunAtEdge, n, 0)...)
	}
	return out
}

// certificate is the ARN of one that CloudFront can use.
var certificate = regexp.MustCompile(`^arn:[a-z-]+:acm:us-east-1:\d{12}:certificate/.+$`)

func (c *checker) distribution(s DistributionSpec) {
	if origin := c.blue.Target(s.Origin); origin != nil {
		if bucket, ok := origin.Spec.(BucketSpec); ok && len(bucket.Policy.Statement) > 0 {
			c.add(nil, "the bucket %q is no origin: make it with Origin, so that its policy is the distribution's", origin.Key)
		}
	}
	if (len(s.Domains) == 0) != (s.CertificateARN == "") {
		c.add(nil, "domains of one's own and a certificate for them go together (CloudFront Developer Guide, Use custom URLs by adding alternate domain names)")
	}
	if s.CertificateARN != "" && !HasToken(s.CertificateARN) && !certificate.MatchString(s.CertificateARN) {
		c.add(nil, "the certificate %s is not one of AWS Certificate Manager in us-east-1, where CloudFront looks for them (CloudFront Developer Guide, Requirements for using SSL/TLS certificates with CloudFront)", s.CertificateARN)
	}
}
