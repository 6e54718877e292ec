# The same waiting room for each developer, for test and for production. They share
# nothing: every name begins with the environment's, every role, key, table, queue
# and bucket is its own.

terraform {
  required_providers {
    serverless = {
      source = "burstline/serverless"
    }
  }
}

provider "serverless" {
  region   = var.region
  endpoint = var.endpoint

  default_tags {
    tags = { environment = var.environment }
  }
}

locals {
  production = var.environment == "prod"
}

module "sale" {
  source = "../../modules/presale"

  name         = "sale-${var.environment}"
  opens_at     = var.opens_at
  closes_at    = var.closes_at
  purchase_url = "https://${var.environment}.tickets.example.com/buy"

  # What differs stands here and in config, and nowhere in the functions.
  windows   = local.production ? 400 : 2
  site      = { title = local.production ? "The final" : "The final (${var.environment})", cdn = local.production }
  dashboard = local.production
  monitor   = local.production ? {} : null
  config = {
    items = {
      payment = { string = local.production ? "live" : "sandbox" }
    }
  }

  retention_days = local.production ? 30 : 1
  architecture   = var.architecture
  force_destroy  = !local.production || var.force_destroy
}

# What the IAM user that deploys this environment may do: with this environment's
# names and nothing else.
data "serverless_deploy_policy" "deployer" {
  system    = "queue"
  name      = "sale-${var.environment}"
  arguments = module.sale.arguments
}
