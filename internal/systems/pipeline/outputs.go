package pipeline

import (
	"github.com/burstline/terraform-provider-serverless/functions/pipeline"
	"github.com/burstline/terraform-provider-serverless/internal/systems/pages"
)

func (l *line) outputs() {
	l.Output("source_bucket", l.sourceBucket)
	l.Output("start_topic_arn", l.start.ARN())
	l.Output("results_bucket", l.results.Name())
	l.Output("manifest_key", pipeline.ManifestObject)
	l.readersOutputs()
	tables, tableARNs := map[string]string{"runs": l.runs.Name(), "items": l.items.Name()}, map[string]string{"runs": l.runs.ARN(), "items": l.items.ARN()}
	if l.booked != nil {
		tables["bookings"], tableARNs["bookings"] = l.booked.table.Name(), l.booked.table.ARN()
	}
	l.OutputMap("table_names", tables)
	l.OutputMap("table_arns", tableARNs)
	l.OutputMap("stream_names", map[string]string{"files": l.files.Name(), "segments": l.segments.Name()})
	l.OutputMap("stream_arns", map[string]string{"files": l.files.ARN(), "segments": l.segments.ARN()})
	urls, queues := map[string]string{}, map[string]string{}
	for key, q := range l.aside {
		urls[key], queues[key] = q.URL(), q.ARN()
	}
	l.OutputMap("dead_letter_queue_urls", urls)
	l.OutputMap("dead_letter_queue_arns", queues)
	names, arns, roles := map[string]string{}, map[string]string{}, map[string]string{}
	for key, f := range l.functions {
		names[key], arns[key], roles[key] = f.Name(), f.LiveARN(), f.RoleARN()
	}
	l.OutputMap("function_names", names)
	l.OutputMap("function_arns", arns)
	l.OutputMap("role_arns", roles)
}

// readersOutputs are those of bookings, API and page; empty where there are none.
func (l *line) readersOutputs() {
	page, target, apiTarget := "", "", ""
	if l.page != nil {
		page = pages.Address(l.m.Site, l.page.bucket, l.page.cdn) + "/"
		if l.page.cdn == nil {
			page += indexObject
		} else {
			target = l.page.cdn.DomainName()
		}
	}
	if l.door != nil {
		apiTarget = l.door.api.DomainTarget()
	}
	l.Output("api_url", l.apiURL())
	l.Output("api_domain_target", apiTarget)
	l.Output("page_url", page)
	l.Output("site_domain_target", target)
}
