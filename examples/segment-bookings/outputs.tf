output "page_url" {
  description = "Address of the page, which must be a redirect URI of the client."
  value       = serverless_recommendation_pipeline.homes.page_url
}

output "api_url" {
  description = "Where queries are sent."
  value       = serverless_recommendation_pipeline.homes.api_url
}

output "source_bucket" {
  description = "Where uploads go."
  value       = serverless_recommendation_pipeline.homes.source_bucket
}

output "start_topic_arn" {
  description = "Where an upload's prefix is published."
  value       = serverless_recommendation_pipeline.homes.start_topic_arn
}
