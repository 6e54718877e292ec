package localaws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

func (i *inventory) apis(ctx context.Context, cfg aws.Config) error {
	client := apigatewayv2.NewFromConfig(cfg)
	for input := (&apigatewayv2.GetApisInput{}); ; {
		page, err := client.GetApis(ctx, input)
		if err != nil {
			return err
		}
		for _, api := range page.Items {
			i.add("http api", aws.ToString(api.Name))
		}
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			return nil
		}
	}
}

func (i *inventory) domainNames(ctx context.Context, cfg aws.Config) error {
	client := apigatewayv2.NewFromConfig(cfg)
	for input := (&apigatewayv2.GetDomainNamesInput{}); ; {
		page, err := client.GetDomainNames(ctx, input)
		if err != nil {
			return err
		}
		for _, domain := range page.Items {
			i.add("domain name", aws.ToString(domain.DomainName))
		}
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			return nil
		}
	}
}

func (i *inventory) identityPools(ctx context.Context, cfg aws.Config) error {
	client := cognitoidentity.NewFromConfig(cfg)
	for input := (&cognitoidentity.ListIdentityPoolsInput{MaxResults: aws.Int32(60)}); ; {
		page, err := client.ListIdentityPools(ctx, input)
		if err != nil {
			return err
		}
		for _, pool := range page.IdentityPools {
			i.add("identity pool", aws.ToString(pool.IdentityPoolName))
		}
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			return nil
		}
	}
}

func (i *inventory) distributions(ctx context.Context, cfg aws.Config) error {
	for pages := cloudfront.NewListDistributionsPaginator(cloudfront.NewFromConfig(cfg), &cloudfront.ListDistributionsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, d := range page.DistributionList.Items {
			i.add("distribution", aws.ToString(d.Id))
		}
	}
	return nil
}

func (i *inventory) accessControls(ctx context.Context, cfg aws.Config) error {
	for pages := cloudfront.NewListOriginAccessControlsPaginator(cloudfront.NewFromConfig(cfg), &cloudfront.ListOriginAccessControlsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, control := range page.OriginAccessControlList.Items {
			i.add("origin access control", aws.ToString(control.Name))
		}
	}
	return nil
}

func (i *inventory) edgeFunctions(ctx context.Context, cfg aws.Config) error {
	out, err := cloudfront.NewFromConfig(cfg).ListFunctions(ctx, &cloudfront.ListFunctionsInput{Stage: cftypes.FunctionStageDevelopment})
	if err != nil {
		return err
	}
	for _, function := range out.FunctionList.Items {
		i.add("edge function", aws.ToString(function.Name))
	}
	return nil
}

func (i *inventory) keyValueStores(ctx context.Context, cfg aws.Config) error {
	for pages := cloudfront.NewListKeyValueStoresPaginator(cloudfront.NewFromConfig(cfg), &cloudfront.ListKeyValueStoresInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, store := range page.KeyValueStoreList.Items {
			i.add("key value store", aws.ToString(store.Name))
		}
	}
	return nil
}
