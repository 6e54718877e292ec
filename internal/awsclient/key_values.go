package awsclient

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudfrontkeyvaluestore"
	transport "github.com/aws/smithy-go/endpoints"
)

// plainHosts leaves an endpoint's host as it is, where no name can stand before
// it. The SDK puts the account before the host of every endpoint of key value
// stores, also of one that the user sets, and an address or localhost have no
// subdomains that all machines know.
type plainHosts struct {
	next cloudfrontkeyvaluestore.EndpointResolverV2
}

// ResolveEndpoint implements cloudfrontkeyvaluestore.EndpointResolverV2.
func (p plainHosts) ResolveEndpoint(ctx context.Context, params cloudfrontkeyvaluestore.EndpointParameters) (transport.Endpoint, error) {
	found, err := p.next.ResolveEndpoint(ctx, params)
	if err != nil || params.Endpoint == nil {
		return found, err
	}
	given, err := url.Parse(*params.Endpoint)
	if err != nil {
		return found, nil //nolint:nilerr // the SDK has found it good
	}
	host := given.Hostname()
	if net.ParseIP(host) != nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		found.URI.Host = given.Host
	}
	return found, nil
}
