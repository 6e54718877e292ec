# What a plan knows and refuses. Nothing is made.

variables {
  name      = "module-plan"
  opens_at  = "2099-05-22T20:15:00+02:00"
  closes_at = "2099-05-22T20:25:00+02:00"
  questions = {
    winner = {
      text    = "Who wins the final?"
      answers = { anna = "Anna and the Hurricanes", bruno = "Bruno" }
    }
  }
}

provider "serverless" {
  region = "eu-central-1"
}

run "defaults_for_a_live_show" {
  command = plan

  assert {
    condition     = serverless_voting_window.vote.site.cdn
    error_message = "CloudFront does not serve the page"
  }
  assert {
    condition     = serverless_voting_window.vote.dashboard
    error_message = "there is no dashboard"
  }
  assert {
    condition     = serverless_voting_window.vote.export.sign && serverless_voting_window.vote.export.identifiers == "hashed"
    error_message = "the export is not signed, or its identifiers are not hashed"
  }
  assert {
    condition     = serverless_voting_window.vote.alarms.topic && length(serverless_voting_window.vote.alarms.emails) == 0
    error_message = "alarms have no topic of their own, or write to somebody"
  }
  assert {
    condition     = serverless_voting_window.vote.intake == "url" && serverless_voting_window.vote.results == "live" && serverless_voting_window.vote.revote == "reject"
    error_message = "intake, results or revote are not the defaults"
  }
  assert {
    condition     = !serverless_voting_window.vote.hold_functions && !serverless_voting_window.vote.force_destroy
    error_message = "functions are held, or a destroy may delete votes"
  }
  assert {
    condition     = length(setsubtract(["cdn", "dashboard", "signing-key", "ballots", "intake-url"], keys(serverless_voting_window.vote.parts))) == 0
    error_message = "parts are missing: ${join(", ", keys(serverless_voting_window.vote.parts))}"
  }
  assert {
    condition     = output.forecast == null && output.cost.per_event == null && output.cost.idle_per_month > 0
    error_message = "there is a forecast or the price of an evening without its load, or no price of a month"
  }
}

run "a_forecast_and_its_cost" {
  command = plan

  variables {
    expected_load = { votes = 1000000, peak_votes_per_second = 4000, viewers = 100000 }
    forecast      = { arrivals = { opening_rate = 4000, plateau_rate = 1600 } }
  }

  assert {
    condition     = output.forecast.refused == 0 && output.forecast.within_grace && output.forecast.results_frozen_seconds == 0
    error_message = output.forecast.summary
  }
  assert {
    condition     = output.cost.unit == "vote" && output.cost.per_event > 1 && output.cost.per_event < 100
    error_message = "an evening costs $${output.cost.per_event}"
  }
}

run "an_evening_that_does_not_hold" {
  command = plan

  variables {
    forecast = {
      arrivals = { opening_rate = 16000, plateau_rate = 8000 }
      quotas   = { concurrent_executions = 150 }
    }
  }

  expect_failures = [check.the_vote_holds]
}

run "direct_with_provisioned_capacity" {
  command = plan

  variables {
    intake   = { kind = "direct" }
    capacity = { mode = "provisioned", max_writes = 8000, opening_writes = 4000 }
  }

  assert {
    condition     = length(setsubtract(["credentials", "orchestrator"], keys(serverless_voting_window.vote.parts))) == 0 && !contains(keys(serverless_voting_window.vote.parts), "intake")
    error_message = "parts are ${join(", ", keys(serverless_voting_window.vote.parts))}"
  }
}

run "refuses_a_name" {
  command = plan
  variables {
    name = "TV final"
  }
  expect_failures = [var.name]
}

run "refuses_one_answer" {
  command = plan
  variables {
    questions = { winner = { text = "Who wins?", answers = { anna = "Anna" } } }
  }
  expect_failures = [var.questions]
}

run "refuses_an_id" {
  command = plan
  variables {
    questions = { winner = { text = "Who wins?", answers = { "anna!" = "Anna", bruno = "Bruno" } } }
  }
  expect_failures = [var.questions]
}

run "refuses_times_without_zone" {
  command = plan
  variables {
    opens_at  = "2099-05-22 20:15"
    closes_at = "2099-05-22 20:25"
  }
  expect_failures = [var.opens_at, var.closes_at]
}

run "refuses_a_grace_beyond_sqs" {
  command = plan
  variables {
    grace_seconds = 901
  }
  expect_failures = [var.grace_seconds]
}

run "refuses_to_replace_one_of_many" {
  command = plan
  variables {
    voters = { votes_each = 5, revote = "replace" }
  }
  expect_failures = [var.voters]
}

run "refuses_tokens_without_an_api" {
  command = plan
  variables {
    intake = { kind = "url", jwt = { issuer = "https://login.example.com", audience = ["vote"] } }
  }
  expect_failures = [var.intake]
}

run "refuses_an_unknown_intake" {
  command = plan
  variables {
    intake = { kind = "mail" }
  }
  expect_failures = [var.intake]
}

run "refuses_a_domain_without_cdn" {
  command = plan
  variables {
    site = { cdn = false, domain = { name = "vote.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" } }
  }
  expect_failures = [var.site]
}

run "refuses_other_words" {
  command = plan
  variables {
    results        = { publish = "never" }
    capacity       = { mode = "elastic" }
    export         = { identifiers = "plain" }
    retention_days = 0
    alarm_actions  = [for i in range(5) : "arn:aws:sns:eu-central-1:123456789012:topic-${i}"]
  }
  expect_failures = [var.results, var.capacity, var.export, var.retention_days, var.alarm_actions]
}
