output "page_urls" {
  description = "Addresses of the pages, by sale."
  value       = module.final.page_urls
}

output "service_url" {
  description = "Where the shop redeems passes and frees windows."
  value       = module.final.service_url
}

output "issuer" {
  description = "Issuer of the passes, for the shop's authorizer."
  value       = module.final.issuer
}

output "config_table_name" {
  description = "CONFIG_TABLE of the shop's functions."
  value       = module.final.config_table_name
}

output "will_it_hold" {
  description = "What becomes of the opening."
  value       = module.final.forecast
}

output "cost" {
  description = "What it costs."
  value       = module.final.cost
}
