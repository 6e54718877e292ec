output "page_url" {
  description = "Address of the page, for fans."
  value       = serverless_queue.arena.page_url
}

output "service_url" {
  description = "Where the shop redeems passes and frees windows."
  value       = serverless_queue.arena.service_url
}

output "issuer" {
  description = "Issuer of the passes, for the shop's authorizer."
  value       = serverless_queue.arena.issuer
}
