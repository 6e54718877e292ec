output "page_url" {
  description = "The page, for voters."
  value       = serverless_voting_window.final.page_url
}

output "studio_url" {
  description = "The results for the screen behind the host."
  value       = serverless_voting_window.final.studio_url
}

output "vote_url" {
  description = "Where votes are sent."
  value       = serverless_voting_window.final.vote_url
}

output "results_url" {
  description = "Where the results are read."
  value       = serverless_voting_window.final.results_url
}

output "results_bucket" {
  description = "Bucket with the results and the ledger."
  value       = serverless_voting_window.final.results_bucket
}

output "votes_queue_url" {
  description = "Queue of votes."
  value       = serverless_voting_window.final.votes_queue_url
}

output "functions" {
  description = "Names of the functions."
  value       = serverless_voting_window.final.function_names
}

output "tables" {
  description = "Names of the tables."
  value       = serverless_voting_window.final.table_names
}
