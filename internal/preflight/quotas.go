package preflight

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/smithy-go"

	"github.com/burstline/terraform-provider-serverless/internal/awsclient"
)

// Quota is one of AWS's quotas.
type Quota struct {
	// Service and Code are Service Quotas' names for it, Name is its name for
	// people.
	Service, Code, Name string
	// Default is what an account has that never asked for more.
	Default float64
}

// The quotas that Service Quotas knows and that can be raised there.
var (
	// Lambda quotas, "Compute and storage".
	Concurrency = Quota{"lambda", "L-B99A9384", "Concurrent executions", 1000}
	// DynamoDB Developer Guide, "Quotas in Amazon DynamoDB", throughput default
	// quotas. They hold for on-demand tables too.
	TableWrites = Quota{"dynamodb", "L-AB614373", "Table-level write throughput limit", 40_000}
	TableReads  = Quota{"dynamodb", "L-CF0CBE56", "Table-level read throughput limit", 40_000}
	// API Gateway quotas, "API Gateway account-level quotas, per Region": of all
	// APIs together, with a burst of 5,000 that no one can change.
	APIRequests = Quota{"apigateway", "L-8A5B8E43", "Throttle rate", 10_000}
)

// Limit is a quota's value.
type Limit struct {
	Value float64
	// Source says how the value is known, as a sentence.
	Source string
}

// Quotas tells what an account has.
type Quotas interface {
	// Concurrency returns the account's concurrent executions, and how many of
	// them no function of the account reserves; negative where that is not known.
	Concurrency(ctx context.Context) (all Limit, unreserved float64)
	// Limit returns the value of a quota.
	Limit(ctx context.Context, q Quota) Limit
}

// Account asks an account for its quotas, each once. Where AWS does not answer,
// the default serves. It may be used from several goroutines.
type Account struct {
	AWS *awsclient.Client

	mu         sync.Mutex
	limits     map[Quota]Limit
	unreserved float64
	// silent is true once a question had no answer in time: the next ones would
	// only make the plan wait again.
	silent bool
}

var _ Quotas = (*Account)(nil)

// patience bounds one question: a plan must not wait for a service that is not
// there.
const patience = 3 * time.Second

// Concurrency implements Quotas. Lambda itself knows better than Service
// Quotas: also what is reserved, and what a new account has.
func (a *Account) Concurrency(ctx context.Context) (all Limit, unreserved float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.limits[Concurrency]; ok {
		return known, a.unreserved
	}
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := a.AWS.Lambda.GetAccountSettings(asked, &lambda.GetAccountSettingsInput{}, func(o *lambda.Options) { o.RetryMaxAttempts = 1 })
	if err != nil || out.AccountLimit == nil {
		a.unreserved, a.silent = -1, errors.Is(err, context.DeadlineExceeded)
		limit := a.ask(ctx, Concurrency)
		if limit.Value <= Concurrency.Default {
			limit.Source += fmt.Sprintf(" lambda:GetAccountSettings would tell what is reserved (%s).", reason(err))
		}
		return a.keep(Concurrency, limit), a.unreserved
	}
	a.unreserved = float64(aws.ToInt32(out.AccountLimit.UnreservedConcurrentExecutions))
	return a.keep(Concurrency, Limit{float64(out.AccountLimit.ConcurrentExecutions), "Lambda tells these figures of the account."}), a.unreserved
}

// Limit implements Quotas.
func (a *Account) Limit(ctx context.Context, q Quota) Limit {
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.limits[q]; ok {
		return known
	}
	return a.keep(q, a.ask(ctx, q))
}

func (a *Account) keep(q Quota, l Limit) Limit {
	if a.limits == nil {
		a.limits = map[Quota]Limit{}
	}
	a.limits[q] = l
	return l
}

func (a *Account) ask(ctx context.Context, q Quota) Limit {
	value, err := a.quota(ctx, q)
	if err != nil || value == nil {
		a.silent = a.silent || errors.Is(err, context.DeadlineExceeded)
		return Limit{q.Default, fmt.Sprintf("%s is AWS's default; the account's own figure is not known, since servicequotas:GetServiceQuota did not tell it (%s).", number(q.Default), reason(err))}
	}
	return Limit{*value, "Service Quotas tells this figure of the account."}
}

// quota asks Service Quotas; nil where it has no value.
func (a *Account) quota(ctx context.Context, q Quota) (*float64, error) {
	if a.silent {
		return nil, context.DeadlineExceeded
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := a.AWS.Quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &q.Service, QuotaCode: &q.Code},
		func(o *servicequotas.Options) { o.RetryMaxAttempts = 1 })
	if err != nil || out.Quota == nil {
		return nil, err
	}
	return out.Quota.Value, nil
}

// reason is why AWS did not answer, in a word or two.
func reason(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return "no value"
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return "no answer"
}
