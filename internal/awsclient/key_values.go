package awsclient

import (
	"context"
	"net"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	given, err := url.Parse(aws.ToString(params.Endpoint))
	if err != nil || !plain(given.Hostname()) {
		return p.next.ResolveEndpoint(ctx, params)
	}
	// The SDK does not take an address with an account before it.
	standIn := *given
	standIn.Host = "plain.invalid"
	params.Endpoint = aws.String(standIn.String())
	found, err := p.next.ResolveEndpoint(ctx, params)
	if err == nil {
		found.URI.Host = given.Host
	}
	return found, err
}

func plain(host string) bool {
	return net.ParseIP(host) != nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
