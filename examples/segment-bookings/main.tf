# Homes by suburb: readers browse them on a page, and book a suburb's homes, which
# then go to a partner.

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

resource "serverless_recommendation_pipeline" "homes" {
  name = "homes"

  item = {
    key = ["/id"]
    attributes = {
      suburb    = { pointer = "/address/suburb", required = true }
      price     = { pointer = "/price", type = "number" }
      listed_at = { pointer = "/listed_at", type = "timestamp" }
    }
  }

  segments = {
    attribute = "suburb"
    min_size  = 10
    metrics   = ["price"]
  }

  # Every four hours the homes of the suburbs that are booked go to the partner, who
  # knows a request that comes twice by its Idempotency-Key.
  bookings = {
    target = {
      url        = var.partner_url
      secret_arn = var.partner_secret_arn
    }
    every_minutes = 240
    format        = "csv"
    gzip          = true
  }

  notifications = {
    webhook = {
      url        = var.webhook_url
      secret_arn = var.webhook_secret_arn
    }
  }

  # Whoever signs in may read; to book takes the scope.
  api = {
    auth        = "jwt"
    write_scope = "book"
    jwt = {
      issuer    = var.issuer
      audience  = [var.client_id]
      client_id = var.client_id
      scope     = "openid book"
    }
  }

  site = {
    title     = "Homes by suburb"
    primary   = "#9a3412"
    languages = ["en", "de"]
    cdn       = true
  }

  stale          = "expire"
  retention_days = 90
  overdue_hours  = 24
  dashboard      = true

  expected_load = {
    files                  = 100000
    bookings_per_month     = 100
    api_requests_per_month = 200000
  }

  alarms = {
    emails = var.alarm_emails
  }

  architecture  = var.architecture
  force_destroy = var.force_destroy
}
