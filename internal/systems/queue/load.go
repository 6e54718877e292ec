package queue

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

func expectedLoad() schema.Attribute {
	count := func(least int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, MarkdownDescription: description, Validators: []validator.Int64{int64validator.AtLeast(least)}}
	}
	fans := count(1, "Fans who join in one event: one opening of the sale.")
	fans.Optional, fans.Required = false, true
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "What is expected of one event. With it, a plan warns of quotas of the account that would not carry the event, and `cost` tells what it costs. " +
			"It changes no part. Plans then ask `lambda:GetAccountSettings` and, where needed, `servicequotas:GetServiceQuota`; without these permissions AWS's defaults are assumed.",
		Attributes: map[string]schema.Attribute{
			"fans":                  fans,
			"admitted":              count(0, "Fans among them who are called and go to the shop. Default: all."),
			"peak_joins_per_second": count(1, "Joins in the busiest second. Without it they are taken to come evenly within ten seconds."),
			"wait_minutes":          count(1, "How long a fan waits on the mean, in minutes. Default 20."),
			"events_per_month":      count(0, "Events in a month. Default 1."),
		},
	}
}
