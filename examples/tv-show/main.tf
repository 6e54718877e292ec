# The final of a television show, by the module: browsers send votes to SQS,
# capacity follows the queue, CloudFront serves the page.

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
  source = "../../modules/live-vote"

  name      = "tv-final"
  opens_at  = var.opens_at
  closes_at = var.closes_at

  questions = {
    winner = {
      text = "Who wins the final?"
      answers = {
        anna  = "Anna and the Hurricanes"
        bruno = "Bruno"
        cleo  = "Cleo Quartet"
      }
    }
    song = {
      text = "Which was the song of the season?"
      answers = {
        storm = "Storm over the sea"
        home  = "Coming home"
      }
    }
  }

  # The number on the back of a ticket. Whoever reads the page can send to the
  # queue, so set ticket_public_key too where a wrong vote matters.
  voters = {
    pattern           = "[0-9]{8}"
    ticket_public_key = var.ticket_public_key
    votes_each        = 5
  }

  intake = {
    kind   = "direct"
    direct = { spend_alarm = 600000 }
  }

  # From 15 minutes before the opening the table takes 4,000 writes a second;
  # a vote of five for two questions is ten writes.
  capacity = {
    mode           = "provisioned"
    min_writes     = 10
    opening_writes = 4000
    max_writes     = 16000
    max_workers    = 200
  }

  site = {
    title       = "The Final"
    voter_label = "Your ticket's number"
    primary     = "#aa0033"
    languages   = ["en", "de"]
    texts       = { de = { winner = "Wer gewinnt das Finale?" } }
  }

  expected_load = {
    votes                 = 1000000
    peak_votes_per_second = 4000
    viewers               = 100000
  }
  forecast = {
    arrivals = { opening_rate = 4000, plateau_rate = 1600 }
  }

  retention_days = 90
  alarm_emails   = var.alarm_emails
  hold_functions = var.hold_functions

  architecture  = var.architecture
  force_destroy = var.force_destroy
  tags          = { show = "final-night" }
}

# What the pipeline that deploys the vote may do, and nothing else.
data "serverless_deploy_policy" "pipeline" {
  system    = "voting_window"
  name      = "tv-final"
  arguments = module.final.arguments
}
