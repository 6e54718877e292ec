output "name" {
  description = "Name of the pipeline, which operator's commands ask for."
  value       = serverless_recommendation_pipeline.audience.name
}

output "source_bucket" {
  description = "Bucket with the uploads."
  value       = serverless_recommendation_pipeline.audience.source_bucket
}

output "start_topic_arn" {
  description = "ARN of the topic that starts a run: publish the upload's prefix."
  value       = serverless_recommendation_pipeline.audience.start_topic_arn
}

output "results_bucket" {
  description = "Bucket with the manifest, the segments' metadata and the runs' reports."
  value       = serverless_recommendation_pipeline.audience.results_bucket
}

output "manifest_key" {
  description = "Key of the manifest in that bucket."
  value       = serverless_recommendation_pipeline.audience.manifest_key
}

output "page_url" {
  description = "Address of the page. Empty without site."
  value       = serverless_recommendation_pipeline.audience.page_url
}

output "api_url" {
  description = "Where GraphQL queries are sent. Empty without api."
  value       = serverless_recommendation_pipeline.audience.api_url
}

output "site_domain_target" {
  description = "Where the DNS record of site.domain must point. Empty without cdn."
  value       = serverless_recommendation_pipeline.audience.site_domain_target
}

output "api_domain_target" {
  description = "Where the DNS record of api.domain must point. Empty without it."
  value       = serverless_recommendation_pipeline.audience.api_domain_target
}

output "table_names" {
  description = "Names of the tables."
  value       = serverless_recommendation_pipeline.audience.table_names
}

output "table_arns" {
  description = "ARNs of the tables."
  value       = serverless_recommendation_pipeline.audience.table_arns
}

output "dead_letter_queue_arns" {
  description = "ARNs of the queues of what was given up."
  value       = serverless_recommendation_pipeline.audience.dead_letter_queue_arns
}

output "alarm_topic_arn" {
  description = "ARN of the topic that the alarms notify, to subscribe others to."
  value       = serverless_recommendation_pipeline.audience.alarm_topic_arn
}

output "function_names" {
  description = "Names of the functions."
  value       = serverless_recommendation_pipeline.audience.function_names
}

output "role_arns" {
  description = "ARNs of the functions' roles: what a bucket of another account lets list and read."
  value       = serverless_recommendation_pipeline.audience.role_arns
}

output "release_history_table_name" {
  description = "Table with the history of releases. Null without release."
  value       = one(serverless_release.audience[*].history_table_name)
}

output "cost" {
  description = "What the pipeline costs: idle in a month, and with expected_load an upload and a million files."
  value       = serverless_recommendation_pipeline.audience.cost
}

output "arguments" {
  description = "The arguments of the resource beside its name, for data sources such as serverless_deploy_policy."
  value       = local.arguments
}
