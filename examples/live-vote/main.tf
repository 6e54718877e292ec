# A vote on a live show: one resource is the whole system.

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

resource "serverless_voting_window" "final" {
  name     = "live-vote"
  question = "Who wins the final?"
  answers = {
    anna  = "Anna and the Hurricanes"
    bruno = "Bruno"
    cleo  = "Cleo Quartet"
  }

  opens_at      = var.opens_at
  closes_at     = var.closes_at
  grace_seconds = var.grace_seconds
  voter_pattern = "[0-9]{8}"

  architecture  = var.architecture
  force_destroy = var.force_destroy

  tags = {
    show = "final-night"
  }
}
