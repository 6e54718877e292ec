# The least waiting room: fans wait on a page that S3 serves, fifty are in the
# shop at the same time.

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
}

resource "serverless_queue" "arena" {
  name         = "arena"
  opens_at     = var.opens_at
  closes_at    = var.closes_at
  purchase_url = "https://tickets.example.com/buy?event=7"
  windows      = 50

  architecture  = var.architecture
  force_destroy = var.force_destroy
}
