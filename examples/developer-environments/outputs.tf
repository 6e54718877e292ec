output "page_url" {
  description = "Address of the environment's page."
  value       = module.sale.page_url
}

output "function_names" {
  description = "Names of its functions."
  value       = module.sale.function_names
}

output "room_policies" {
  description = "What its deployer may do with the waiting room. The config has a policy of its own, likewise."
  value       = data.serverless_deploy_policy.deployer.policies
}
