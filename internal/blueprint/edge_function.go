package blueprint

// EdgeFunctionSpec is the spec of a CloudFront function and what is live of it.
type EdgeFunctionSpec struct {
	Runtime string `json:"runtime"`
	Code    string `json:"code"`
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

// EdgeFunction describes a CloudFront function, written for the runtime
// cloudfront-js-2.0: its code has a function handler(event).
func (b *Builder) EdgeFunction(key, code string) EdgeFunctionHandle {
	return EdgeFunctionHandle{b.add(key, b.name(key), EdgeFunctionSpec{Runtime: "cloudfront-js-2.0", Code: code, Published: true})}
}

// ARN returns the function's ARN, which has no region.
func (f EdgeFunctionHandle) ARN() string {
	return "arn:" + Partition() + ":cloudfront::" + Account() + ":function/" + f.Name()
}
