# Audiences by country: each JSON file of an upload is a place, and each country
# with its places and their population a segment.

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

resource "serverless_recommendation_pipeline" "places" {
  name = "audience-segments"

  item = {
    key = ["/id"]
    attributes = {
      name       = { pointer = "/name", required = true }
      country    = { pointer = "/country/name", required = true }
      continent  = { pointer = "/country/continent" }
      timezone   = { pointer = "/timezone" }
      population = { pointer = "/population", type = "number", default = "0" }
    }
  }

  segments = {
    attribute = "country"
    min_size  = var.min_size
    metrics   = ["population"]
  }

  # Whoever has a key books a segment, and its places are sent to a third party.
  bookings = var.third_party_url == null ? null : {
    target = { url = var.third_party_url, secret_arn = var.third_party_secret_arn }
    gzip   = true
  }
  api = var.api_keys_arn == null ? null : { auth = "api_key", keys_arn = var.api_keys_arn }

  # The page in which they browse segments, with the API.
  site = var.api_keys_arn == null ? null : { title = "Places of the world" }

  architecture  = var.architecture
  force_destroy = var.force_destroy
}
