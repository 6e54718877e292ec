output "source_bucket" {
  description = "Bucket for the uploads."
  value       = serverless_recommendation_pipeline.places.source_bucket
}

output "start_topic_arn" {
  description = "Topic that starts a run: publish the upload's prefix."
  value       = serverless_recommendation_pipeline.places.start_topic_arn
}

output "results_bucket" {
  description = "Bucket with the manifest, the segments' metadata and the runs' reports."
  value       = serverless_recommendation_pipeline.places.results_bucket
}

output "manifest_key" {
  description = "Key of the manifest in that bucket."
  value       = serverless_recommendation_pipeline.places.manifest_key
}

output "tables" {
  description = "Names of the tables: items, runs."
  value       = serverless_recommendation_pipeline.places.table_names
}

output "api_url" {
  description = "Where GraphQL queries are sent. Empty without an API."
  value       = serverless_recommendation_pipeline.places.api_url
}

output "page_url" {
  description = "Address of the page. Empty without an API."
  value       = serverless_recommendation_pipeline.places.page_url
}

output "functions" {
  description = "Names of the functions."
  value       = serverless_recommendation_pipeline.places.function_names
}
