package blueprint

// EdgeFunction says what a CloudFront function should be.
type EdgeFunction struct {
	// Code is written for the runtime cloudfront-js-2.0: it has a function
	// handler(event).
	Code string
	// Store is what the code reads by cf.kvs(); nil for none. A function has one at
	// most (CloudFront Developer Guide, "Quotas on key value stores").
	Store *KeyValueStoreHandle
}

// EdgeFunctionSpec is the spec of a CloudFront function and what is live of it.
type EdgeFunctionSpec struct {
	Runtime string `json:"runtime"`
	Code    string `json:"code"`
	// KeyValueStore is the ARN of the store that it reads; empty for none.
	KeyValueStore string `json:"key_value_store"`
	// Published is true: all of this is in the LIVE stage.
	Published bool `json:"published"`
}

// Kind implements Spec.
func (EdgeFunctionSpec) Kind() string { return "edge_function" }

// maxEdgeCode is the longest code of a CloudFront function, in bytes (CloudFront
// Developer Guide, "Quotas on CloudFront Functions").
const maxEdgeCode = 10 << 10

// EdgeFunctionHandle refers to a CloudFront function.
type EdgeFunctionHandle struct{ Handle }

// EdgeFunction describes a CloudFront function.
func (b *Builder) EdgeFunction(key string, f EdgeFunction) EdgeFunctionHandle {
	spec := EdgeFunctionSpec{Runtime: "cloudfront-js-2.0", Code: f.Code, Published: true}
	if f.Store != nil {
		spec.KeyValueStore = f.Store.ARN()
	}
	return EdgeFunctionHandle{b.add(key, b.name(key), spec)}
}

// ARN returns the function's ARN, which has no region.
func (f EdgeFunctionHandle) ARN() string {
	return "arn:" + Partition() + ":cloudfront::" + Account() + ":function/" + f.Name()
}
