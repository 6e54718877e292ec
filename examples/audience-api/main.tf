# Segments with an API, bookings and a page: readers sign in, browse the segments,
# and book one; its items are sent to an advertiser, and a webhook tells how it ended.

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

module "audience" {
  source = "../../modules/audience-segments"

  name = "audience-api"
  item = {
    key = ["/id"]
    attributes = {
      suburb    = { pointer = "/address/suburb", required = true }
      price     = { pointer = "/price", type = "number" }
      listed_at = { pointer = "/listed_at", type = "timestamp" }
    }
  }
  segments = { attribute = "suburb", top = 500, metrics = ["price"] }

  bookings = {
    target = {
      url        = "https://ads.example.com/audiences/{booking}"
      secret_arn = var.advertiser_secret_arn
    }
    gzip          = true
    every_minutes = 240
  }
  notifications = {
    webhook = { url = "https://hooks.example.com/bookings", secret_arn = var.webhook_secret_arn }
  }

  # Whoever signs in reads; who has the scope books.
  api = {
    auth        = "jwt"
    jwt         = { issuer = var.issuer, audience = [var.client_id], client_id = var.client_id }
    write_scope = "segments/book"
  }
  site = { title = "Segments of homes" }

  expected_load = { files = 1000000 }
  alarm_emails  = var.alarm_emails

  architecture  = var.architecture
  force_destroy = var.force_destroy
}
