output "page_url" {
  description = "The page; give it to the sign-in as a redirect URI."
  value       = serverless_voting_window.poll.page_url
}

output "results_url" {
  description = "Where the results are read, once they are final."
  value       = serverless_voting_window.poll.results_url
}

output "records_bucket" {
  description = "Private bucket with the export."
  value       = serverless_voting_window.poll.records_bucket
}
