output "page_url" {
  description = "The page, for voters."
  value       = module.final.page_url
}

output "studio_url" {
  description = "The results for the screen behind the host."
  value       = module.final.studio_url
}

output "window_url" {
  description = "Questions, answers and times; the load test asks for it."
  value       = module.final.window_url
}

output "will_it_hold" {
  description = "The forecast of the evening."
  value       = module.final.forecast.summary
}

output "cost" {
  description = "What an evening costs, in dollars."
  value       = module.final.cost.per_event
}

output "alarm_topic_arn" {
  description = "Topic of the alarms."
  value       = module.final.alarm_topic_arn
}

output "deploy_policies" {
  description = "Policies for the pipeline's role: attach each of them."
  value       = data.serverless_deploy_policy.pipeline.policies
}
