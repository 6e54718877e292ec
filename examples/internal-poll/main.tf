# A poll among the people of a company: they sign in, only those on the list
# count, nobody sees figures before the end, and little is kept.

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

resource "serverless_voting_window" "poll" {
  name     = "office-poll"
  question = "Where do we go in June?"
  answers = {
    sea       = "To the sea"
    mountains = "To the mountains"
    city      = "To a city"
  }

  opens_at  = var.opens_at
  closes_at = var.closes_at

  # The API checks the token of the company's sign-in; the voter is its claim
  # email. Who is not on the list is told nothing, and does not count.
  intake = "api"
  jwt = {
    issuer      = var.issuer
    audience    = [var.client_id]
    client_id   = var.client_id
    scope       = "openid email"
    voter_claim = "email"
  }
  allow_list = { file = var.voters }

  # Whoever changes their mind votes again: the last vote counts.
  revote  = "replace"
  results = "after_close"

  retention_days = 30
  export         = { identifiers = "none" }

  site = {
    title     = "Summer outing"
    languages = ["en", "de"]
  }

  architecture  = var.architecture
  force_destroy = var.force_destroy
}
