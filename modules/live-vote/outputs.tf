output "name" {
  description = "Name of the vote, which operator's commands ask for."
  value       = serverless_voting_window.vote.name
}

output "page_url" {
  description = "Address of the page, for voters."
  value       = serverless_voting_window.vote.page_url
}

output "studio_url" {
  description = "Address of the results for the screen behind the host."
  value       = serverless_voting_window.vote.studio_url
}

output "vote_url" {
  description = "Where votes are sent: for direct the queue's URL."
  value       = serverless_voting_window.vote.vote_url
}

output "results_url" {
  description = "Address of the results, public JSON."
  value       = serverless_voting_window.vote.results_url
}

output "window_url" {
  description = "Address of questions, answers and times, public JSON; the load test asks for it."
  value       = serverless_voting_window.vote.window_url
}

output "site_domain_target" {
  description = "Where the DNS record of site.domain must point: an alias or CNAME to CloudFront. Empty without cdn."
  value       = serverless_voting_window.vote.site_domain_target
}

output "api_domain_target" {
  description = "Where the DNS record of intake.domain must point. Empty without one."
  value       = serverless_voting_window.vote.api_domain_target
}

output "closes_at_in_force" {
  description = "The closing time in force, which an operator may have moved."
  value       = serverless_voting_window.vote.closes_at_in_force
}

output "alarm_topic_arn" {
  description = "ARN of the topic that the alarms notify, to subscribe others to."
  value       = serverless_voting_window.vote.alarm_topic_arn
}

output "signing_key_arn" {
  description = "ARN of the KMS key that signs the export. Empty where it is not signed."
  value       = serverless_voting_window.vote.signing_key_arn
}

output "results_bucket" {
  description = "Bucket with the page and the results."
  value       = serverless_voting_window.vote.results_bucket
}

output "records_bucket" {
  description = "Private bucket with the exports."
  value       = serverless_voting_window.vote.records_bucket
}

output "votes_queue_arn" {
  description = "ARN of the queue of votes."
  value       = serverless_voting_window.vote.votes_queue_arn
}

output "dead_letter_queue_arn" {
  description = "ARN of the queue of votes that could not be recorded."
  value       = serverless_voting_window.vote.dead_letter_queue_arn
}

output "table_names" {
  description = "Names of the tables: ballots, ledger, tallies."
  value       = serverless_voting_window.vote.table_names
}

output "function_names" {
  description = "Names of the functions."
  value       = serverless_voting_window.vote.function_names
}

output "cost" {
  description = "What the vote costs: idle in a month, and with expected_load an evening and a million votes."
  value       = serverless_voting_window.vote.cost
}

output "forecast" {
  description = "What becomes of the arrivals in the variable forecast: refused, delays, limits reached with advice, cost. Null without it."
  value = one([for f in data.serverless_burst_forecast.vote : {
    summary                = f.summary
    refused                = f.refused
    within_grace           = f.within_grace
    worst_delay_seconds    = f.worst_delay_seconds
    results_frozen_seconds = f.results_frozen_seconds
    peak_concurrency       = f.peak_concurrency
    limits                 = f.limits
    cost_per_event         = f.cost_per_event
  }])
}

output "arguments" {
  description = "The arguments of the resource beside its name, for data sources such as serverless_deploy_policy."
  value       = local.arguments
}
