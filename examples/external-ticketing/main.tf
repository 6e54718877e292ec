# A waiting room whose ticketing service takes the fans itself, at its own speed:
# the shop's scaling follows the shop, not the length of the line.

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

resource "serverless_queue" "hall" {
  name         = "hall"
  opens_at     = var.opens_at
  closes_at    = var.closes_at
  purchase_url = "https://tickets.example.com"
  assigner     = "external"

  # How many fans the shop can have at the same time, and how long it has to make
  # a seat for one who was called.
  windows           = 200
  claim_ttl_seconds = 180

  site = {
    title = "Concert hall"
    cdn   = true
  }

  architecture  = var.architecture
  force_destroy = var.force_destroy
}
