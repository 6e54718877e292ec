output "page_url" {
  description = "Address of the page."
  value       = module.audience.page_url
}

output "api_url" {
  description = "Where GraphQL queries are sent."
  value       = module.audience.api_url
}

output "start_topic_arn" {
  description = "Topic that starts a run: publish the upload's prefix."
  value       = module.audience.start_topic_arn
}

output "cost" {
  description = "What it costs."
  value       = module.audience.cost
}
