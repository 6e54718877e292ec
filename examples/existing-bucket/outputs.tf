output "start_topic_arn" {
  description = "Topic that starts a run: publish the upload's prefix, homes/ included."
  value       = module.homes.start_topic_arn
}

output "results_bucket" {
  description = "Bucket with the manifest, the segments' metadata and the runs' reports."
  value       = module.homes.results_bucket
}

output "reader_role_arns" {
  description = "Roles that list and read the bucket: what its policy allows where it is in another account, and its key's policy in any case."
  value       = [module.homes.role_arns["lister"], module.homes.role_arns["ingest"]]
}

output "cost" {
  description = "What it costs."
  value       = module.homes.cost
}
