# What a plan knows and refuses. Nothing is made.

variables {
  name         = "module-plan"
  opens_at     = "2099-05-22T10:00:00+02:00"
  closes_at    = "2099-05-22T18:00:00+02:00"
  purchase_url = "https://tickets.example.com/buy?event=7"
  windows      = 50
}

provider "serverless" {
  region = "eu-central-1"
}

run "defaults_for_a_sale" {
  command = plan

  assert {
    condition     = serverless_queue.sale.site.cdn && serverless_queue.sale.dashboard
    error_message = "CloudFront does not serve the page, or there is no dashboard"
  }
  assert {
    condition     = serverless_queue.sale.alarms.topic && length(serverless_queue.sale.alarms.emails) == 0
    error_message = "alarms have no topic of their own, or write to somebody"
  }
  assert {
    condition     = serverless_queue.sale.join == "ticket" && serverless_queue.sale.assigner == "managed"
    error_message = "join or assigner are not the defaults"
  }
  assert {
    condition     = !serverless_queue.sale.hold_functions && !serverless_queue.sale.force_destroy
    error_message = "functions are held, or a destroy may delete fans"
  }
  assert {
    condition     = length(serverless_config.sale) == 0 && output.config_table_name == null && length(serverless_release.sale) == 0 && serverless_queue.sale.go_live == "apply"
    error_message = "there is a config or a release that nobody asked for"
  }
  assert {
    condition     = length(serverless_semantic_monitor.sale) == 1 && serverless_semantic_monitor.sale[0].interval_minutes == 5
    error_message = "no probe goes the way of a fan"
  }
  assert {
    condition     = length(setsubtract(["cdn", "dashboard", "fans", "join-url", "keeper"], keys(serverless_queue.sale.parts))) == 0
    error_message = "parts are missing: ${join(", ", keys(serverless_queue.sale.parts))}"
  }
  assert {
    condition     = output.forecast == null && output.cost.per_event == null && output.cost.idle_per_month > 0
    error_message = "there is a forecast or the price of an opening without its load, or no price of a month"
  }
}

run "a_forecast_and_its_cost" {
  command = plan

  variables {
    expected_load = { fans = 100000, admitted = 20000, peak_joins_per_second = 10000 }
    forecast      = { arrivals = { opening_rate = 10000, opening_seconds = 10, plateau_rate = 0 } }
    warm_writes   = 10000
  }

  assert {
    condition     = output.forecast.refused == 0 && output.forecast.within_grace
    error_message = output.forecast.summary
  }
  assert {
    condition     = output.cost.unit == "fan" && output.cost.per_event > 0.5 && output.cost.per_event < 10
    error_message = "an opening costs $${output.cost.per_event}"
  }
}

run "an_opening_that_does_not_hold" {
  command = plan

  variables {
    forecast = {
      arrivals = { opening_rate = 20000, opening_seconds = 60, plateau_rate = 20000, seconds = 300 }
      quotas   = { concurrent_executions = 150 }
    }
  }

  expect_failures = [check.the_opening_holds]
}

run "a_config_for_the_shop" {
  command = plan

  variables {
    config = { items = { fees = { json = "{\"service\":2.5}" } }, force_remove = ["postage"] }
  }

  assert {
    condition     = length(serverless_config.sale) == 1 && serverless_config.sale[0].items["fees"].json == "{\"service\":2.5}" && contains(serverless_config.sale[0].force_remove, "postage")
    error_message = "there is no config with the fees, or no item may be taken out of it"
  }
}

run "a_release_by_canary" {
  command = plan

  variables {
    release = { pipeline = "421", commit = "5f2c1d7", percent = 20 }
  }

  assert {
    condition     = serverless_queue.sale.go_live == "release" && serverless_release.sale[0].canary.percent == 20 && serverless_release.sale[0].canary.minutes == 15
    error_message = "functions do not go live by a canary"
  }
}

run "a_release_at_once" {
  command = plan

  variables {
    release = { pipeline = "421", commit = "5f2c1d7", percent = 0 }
  }

  assert {
    condition     = serverless_queue.sale.go_live == "release" && serverless_release.sale[0].canary == null
    error_message = "functions go live by a canary that nobody asked for"
  }
}

run "no_probe_of_identities" {
  command = plan

  variables {
    join = { kind = "identity" }
    site = { enabled = false }
  }

  assert {
    condition     = length(serverless_semantic_monitor.sale) == 0
    error_message = "a probe has nowhere to go"
  }
}

run "refuses_a_name" {
  command = plan
  variables {
    name = "Arena 7"
  }
  expect_failures = [var.name]
}

run "refuses_times_without_zone" {
  command = plan
  variables {
    opens_at  = "2099-05-22 10:00"
    closes_at = "2099-05-22 18:00"
    pre_queue = { from = "2099-05-22 09:00" }
  }
  expect_failures = [var.opens_at, var.closes_at, var.pre_queue]
}

run "refuses_a_shop_without_https" {
  command = plan
  variables {
    purchase_url = "http://tickets.example.com"
  }
  expect_failures = [var.purchase_url]
}

run "refuses_too_many_windows" {
  command = plan
  variables {
    windows = 2001
  }
  expect_failures = [var.windows]
}

run "refuses_codes_beside_tokens" {
  command = plan
  variables {
    join = { codes = { file = "codes.txt" }, jwt = { issuer = "https://login.example.com", audience = "fans" } }
  }
  expect_failures = [var.join]
}

run "refuses_a_domain_without_cdn" {
  command = plan
  variables {
    site = { cdn = false, domain = { name = "wait.example.com", certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/1" } }
  }
  expect_failures = [var.site]
}

run "refuses_other_words" {
  command = plan
  variables {
    assigner       = "somebody"
    pace           = { heartbeat_seconds = 5 }
    pre_queue      = { from = "2099-05-22T09:00:00+02:00", order = "loudest" }
    sales          = { "Semi Final" = {} }
    retention_days = 0
    alarm_actions  = [for i in range(5) : "arn:aws:sns:eu-central-1:123456789012:topic-${i}"]
  }
  expect_failures = [var.assigner, var.pace, var.pre_queue, var.sales, var.retention_days, var.alarm_actions]
}
