# The presale of an arena, by the module: CloudFront serves the page, fans who come
# early are drawn, members join with a code, and the shop has its settings beside.

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

module "final" {
  source = "../../modules/presale"

  name         = "arena-final"
  opens_at     = var.opens_at
  closes_at    = var.closes_at
  purchase_url = "https://tickets.example.com/buy?event=7"

  # As many as the shop can serve at the same time; never more than two a second
  # begin.
  windows = 400
  pace = {
    admission_rate     = 2
    window_ttl_seconds = 480
  }

  # Who comes within the hour before is drawn, by a public source of randomness.
  pre_queue = {
    from   = var.comes_from
    beacon = {}
  }

  # A code for each member: people are scarce then, and browsers are not.
  join = { codes = { file = var.codes } }

  # A smaller sale in the same room, on another day.
  sales = {
    semi = {
      title     = "The semi-final"
      opens_at  = var.semi_opens_at
      closes_at = var.semi_closes_at
      windows   = 100
      pre_queue = { from = var.semi_comes_from }
    }
  }

  site = {
    title     = "The final"
    primary   = "#20408a"
    languages = ["en", "de"]
    links     = { "Terms" = "https://tickets.example.com/terms" }
  }

  # What the shop's functions read, and operators may change during the night.
  config = {
    items = {
      tickets_per_fan = {
        number      = 4
        operator    = true
        schema      = jsonencode({ type = "integer", minimum = 1, maximum = 8 })
        description = "How many tickets a fan may buy."
      }
      fees = { json = jsonencode({ service = 2.5, postage = 4 }) }
    }
    history_retention_days = 365
  }

  expected_load = {
    fans                  = 100000
    admitted              = 20000
    peak_joins_per_second = 10000
    wait_minutes          = 20
  }
  forecast    = { arrivals = { opening_rate = 10000, opening_seconds = 10, plateau_rate = 0 } }
  warm_writes = 10000

  # From a pipeline: a tenth of the calls for a quarter of an hour, and back when
  # an alarm rings.
  release = var.pipeline == null ? null : { pipeline = var.pipeline, commit = var.commit }

  retention_days = 30
  alarm_emails   = var.alarm_emails
  hold_functions = var.hold_functions

  architecture  = var.architecture
  force_destroy = var.force_destroy
  tags          = { sale = "final" }
}
