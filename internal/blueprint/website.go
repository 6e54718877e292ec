package blueprint

import "cmp"

// Website says what of a bucket is served as pages.
type Website struct {
	// Index answers for "/" and for every key that ends with a slash; empty for
	// index.html. Error answers for what is missing or forbidden; empty for S3's
	// own page.
	Index, Error string
}

// WebsiteSpec is the spec of a bucket's static website.
type WebsiteSpec struct {
	Bucket string `json:"bucket" fixed:"true"`
	Index  string `json:"index_document"`
	Error  string `json:"error_document"`
}

// Kind implements Spec.
func (WebsiteSpec) Kind() string { return "website" }

// WebsiteHandle refers to a static website.
type WebsiteHandle struct{ Handle }

// Website serves the public objects of a bucket as pages, without a certificate:
// the bucket must be made with PlainHTTP, and with the objects in PublicRead.
func (b *Builder) Website(key string, bucket BucketHandle, w Website) WebsiteHandle {
	return WebsiteHandle{b.add(key, bucket.Name(), WebsiteSpec{
		Bucket: bucket.Name(), Index: cmp.Or(w.Index, "index.html"), Error: w.Error,
	}, bucket.Key())}
}

// URL returns a reference to the website's address.
func (w WebsiteHandle) URL() string { return Ref(w.Key(), "url") }

func (c *checker) website(s WebsiteSpec) {
	bucket := c.blue.Target(s.Bucket)
	if bucket == nil {
		return
	}
	spec, ok := bucket.Spec.(BucketSpec)
	if !ok {
		return
	}
	for _, st := range spec.Policy.Statement {
		for _, action := range st.Action {
			if st.Effect == "Deny" && action == "s3:*" {
				c.add(nil, "the bucket %q refuses plain HTTP, and website endpoints have no other: make it with PlainHTTP (S3 User Guide, Website endpoints)", bucket.Key)
			}
		}
	}
}
