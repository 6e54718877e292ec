output "name" {
  description = "Name of the waiting room, which operator's commands ask for."
  value       = serverless_queue.sale.name
}

output "page_url" {
  description = "Address of the page, for fans. Empty without a page."
  value       = serverless_queue.sale.page_url
}

output "page_urls" {
  description = "Addresses of the pages by sale."
  value       = serverless_queue.sale.page_urls
}

output "join_url" {
  description = "Where fans join. Empty with join = identity."
  value       = serverless_queue.sale.join_url
}

output "turn_url" {
  description = "Where fans ask for their turn, take the window, keep it and leave."
  value       = serverless_queue.sale.turn_url
}

output "service_url" {
  description = "Where the shop redeems and renews passes and frees windows."
  value       = serverless_queue.sale.service_url
}

output "status_urls" {
  description = "Addresses of the status by sale, public JSON."
  value       = serverless_queue.sale.status_urls
}

output "issuer" {
  description = "Issuer of the passes, for authorizers: the keys are below it."
  value       = serverless_queue.sale.issuer
}

output "audiences" {
  description = "What passes are for, by sale: claim aud."
  value       = serverless_queue.sale.audiences
}

output "site_domain_target" {
  description = "Where the DNS record of site.domain must point: an alias or CNAME to CloudFront. Empty without cdn."
  value       = serverless_queue.sale.site_domain_target
}

output "identity_pool_id" {
  description = "Id of the Cognito identity pool, with join = identity; else empty."
  value       = serverless_queue.sale.identity_pool_id
}

output "line_queue_url" {
  description = "Queue of fans in their order, with assigner = external; else empty."
  value       = serverless_queue.sale.line_queue_url
}

output "alarm_topic_arn" {
  description = "ARN of the topic that the alarms notify, to subscribe others to."
  value       = serverless_queue.sale.alarm_topic_arn
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue of joins that could not be placed."
  value       = serverless_queue.sale.dead_letter_queue_arn
}

output "table_names" {
  description = "Names of the tables: sales, fans, line, windows, state."
  value       = serverless_queue.sale.table_names
}

output "function_names" {
  description = "Names of the functions."
  value       = serverless_queue.sale.function_names
}

output "config_table_name" {
  description = "Table of the config's items: CONFIG_TABLE of a function that reads it. Null without config."
  value       = one(serverless_config.sale[*].table_name)
}

output "config_read_policy_json" {
  description = "IAM policy of a function that reads the config. Null without config."
  value       = one(serverless_config.sale[*].read_policy_json)
}

output "monitor_alarm_arns" {
  description = "ARNs of the monitor's alarms late, silent and errors. Null without a monitor."
  value       = one(serverless_semantic_monitor.sale[*].alarm_arns)
}

output "release_history_table_name" {
  description = "Table with the history of releases. Null without release."
  value       = one(serverless_release.sale[*].history_table_name)
}

output "cost" {
  description = "What the waiting room costs: idle in a month, and with expected_load an opening and a million fans."
  value       = serverless_queue.sale.cost
}

output "forecast" {
  description = "What becomes of the arrivals in the variable forecast: refused, delays, limits reached with advice, cost. Null without it."
  value = one([for f in data.serverless_burst_forecast.sale : {
    summary             = f.summary
    refused             = f.refused
    within_grace        = f.within_grace
    worst_delay_seconds = f.worst_delay_seconds
    peak_concurrency    = f.peak_concurrency
    limits              = f.limits
    cost_per_event      = f.cost_per_event
  }])
}

output "arguments" {
  description = "The arguments of the resource serverless_queue beside its name, for data sources such as serverless_deploy_policy."
  value       = local.arguments
}

output "config_arguments" {
  description = "Those of serverless_config. Null without config."
  value       = local.config_arguments
}
