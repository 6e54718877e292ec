# What a plan knows and refuses. Nothing is made.

variables {
  name = "module-plan"
  item = {
    key = ["/id"]
    attributes = {
      suburb = { pointer = "/address/suburb", required = true }
      price  = { pointer = "/price", type = "number" }
    }
  }
}

provider "serverless" {
  region = "eu-central-1"
}

run "defaults" {
  command = plan

  assert {
    condition     = serverless_recommendation_pipeline.audience.dashboard && serverless_recommendation_pipeline.audience.alarms.topic && length(serverless_recommendation_pipeline.audience.alarms.emails) == 0
    error_message = "there is no dashboard, alarms have no topic of their own, or they write to somebody"
  }
  assert {
    condition     = serverless_recommendation_pipeline.audience.stale == "keep" && serverless_recommendation_pipeline.audience.retention_days == 90 && serverless_recommendation_pipeline.audience.completion.idle_minutes == 15
    error_message = "items expire, runs are not kept for 90 days, or are stuck at another time than after 15 minutes"
  }
  assert {
    condition     = !serverless_recommendation_pipeline.audience.hold_functions && !serverless_recommendation_pipeline.audience.force_destroy
    error_message = "functions are held, or a destroy may delete items"
  }
  assert {
    condition     = serverless_recommendation_pipeline.audience.go_live == "apply" && length(serverless_release.audience) == 0
    error_message = "there is a release that nobody asked for"
  }
  assert {
    condition     = length(setsubtract(["source", "results", "files", "items", "runs", "lister", "ingest", "dashboard", "run-stuck"], keys(serverless_recommendation_pipeline.audience.parts))) == 0
    error_message = "parts are missing: ${join(", ", keys(serverless_recommendation_pipeline.audience.parts))}"
  }
  assert {
    condition     = output.cost.per_event == null && output.cost.idle_per_month > 20
    error_message = "there is the price of an upload without its load, or a month costs less than its two streams: ${jsonencode(output.cost)}"
  }
}

run "segments_and_their_cost" {
  command = plan

  variables {
    segments      = { attribute = "suburb", top = 500, metrics = ["price"] }
    expected_load = { files = 1000000 }
  }

  assert {
    condition     = serverless_recommendation_pipeline.audience.segments.min_size == 10 && serverless_recommendation_pipeline.audience.segments.top == 500
    error_message = "segments are ${jsonencode(serverless_recommendation_pipeline.audience.segments)}"
  }
  assert {
    condition     = output.cost.unit == "file" && output.cost.per_million > 1 && output.cost.per_million < 1.5
    error_message = "a million files cost $${output.cost.per_million}"
  }
}

run "a_bucket_that_is_there" {
  command = plan

  variables {
    source_bucket = { name = "agency-uploads", prefix = "homes/" }
  }

  assert {
    condition     = output.source_bucket == "agency-uploads" && !contains(keys(serverless_recommendation_pipeline.audience.parts), "source")
    error_message = "uploads are in ${output.source_bucket}, or a bucket is made"
  }
}

run "a_release_by_canary" {
  command = plan

  variables {
    release = { pipeline = "421", commit = "5f2c1d7", percent = 20 }
  }

  assert {
    condition     = serverless_recommendation_pipeline.audience.go_live == "release" && serverless_release.audience[0].canary.percent == 20 && serverless_release.audience[0].canary.minutes == 15
    error_message = "functions do not go live by a canary"
  }
}

run "a_release_at_once" {
  command = plan

  variables {
    release = { pipeline = "421", commit = "5f2c1d7", percent = 0 }
  }

  assert {
    condition     = serverless_recommendation_pipeline.audience.go_live == "release" && serverless_release.audience[0].canary == null
    error_message = "functions go live by a canary that nobody asked for"
  }
}

run "goes_on_when_idle" {
  command = plan

  variables {
    completion    = { by = "idle", idle_minutes = 30 }
    expected_load = { files = 1000000, bookings_per_month = 100, api_requests_per_month = 100000 }
  }

  assert {
    condition     = serverless_recommendation_pipeline.audience.completion.by == "idle" && serverless_recommendation_pipeline.audience.completion.idle_minutes == 30
    error_message = "runs complete by ${jsonencode(serverless_recommendation_pipeline.audience.completion)}"
  }
  assert {
    condition     = serverless_recommendation_pipeline.audience.expected_load.bookings_per_month == 100 && serverless_recommendation_pipeline.audience.expected_load.api_requests_per_month == 100000
    error_message = "the load of bookings and of the API is lost"
  }
}

run "refuses_another_completion" {
  command = plan
  variables {
    completion = { by = "guess" }
  }
  expect_failures = [var.completion]
}

run "an_alarm_when_no_run_ends" {
  command = plan

  variables {
    overdue_hours = 24
  }

  assert {
    condition     = contains(keys(serverless_recommendation_pipeline.audience.parts), "run-overdue")
    error_message = "nobody waits for a run"
  }
}

run "refuses_a_name" {
  command = plan
  variables {
    name = "Homes 7"
  }
  expect_failures = [var.name]
}

run "refuses_paths_that_are_no_pointers" {
  command = plan
  variables {
    item = { key = ["id"] }
  }
  expect_failures = [var.item]
}

run "refuses_items_without_key" {
  command = plan
  variables {
    item = { key = [] }
  }
  expect_failures = [var.item]
}

run "refuses_segments_of_nothing" {
  command = plan
  variables {
    segments = { attribute = "suburb", min_size = 0 }
  }
  expect_failures = [var.segments]
}

run "refuses_other_values" {
  command = plan
  variables {
    source_bucket  = { name = "agency-uploads", prefix = "/homes/" }
    stream         = { shards = 2, on_demand = true }
    stale          = { days = 3 }
    completion     = { idle_minutes = 1 }
    overdue_hours  = 48
    retention_days = 0
    alarm_actions  = [for i in range(5) : "arn:aws:sns:eu-central-1:123456789012:topic-${i}"]
  }
  expect_failures = [var.source_bucket, var.stream, var.stale, var.completion, var.overdue_hours, var.retention_days, var.alarm_actions]
}
