# Makes a waiting room with its config, looks at it, changes it in place and takes
# it away again. It needs an account, or AWS_ENDPOINT_URL of a local AWS.

variables {
  name         = "module-apply"
  opens_at     = "2099-05-22T10:00:00+02:00"
  closes_at    = "2099-05-22T18:00:00+02:00"
  purchase_url = "https://tickets.example.com/buy?event=7"
  windows      = 50
  pre_queue    = { from = "2099-05-22T09:00:00+02:00", beacon = {} }
  sales        = { semi = { title = "The semi-final", opens_at = "2099-05-20T10:00:00+02:00", closes_at = "2099-05-20T18:00:00+02:00", windows = 20, pre_queue = { from = "2099-05-20T09:00:00+02:00" } } }
  alarm_emails = ["night-shift@example.com"]
  config = {
    items = {
      fees    = { json = "{\"service\":2.5}" }
      tickets = { number = 8, operator = true, description = "How many tickets a fan may buy." }
    }
  }
  expected_load = { fans = 100000, admitted = 20000, peak_joins_per_second = 10000 }
  tags          = { sale = "semi", season = "2099" }
  force_destroy = true
}

provider "serverless" {
  region = "eu-central-1"
}

run "makes_the_room" {
  assert {
    condition     = endswith(output.site_domain_target, ".cloudfront.net") && output.page_urls["semi"] != output.page_url
    error_message = "a domain would point to ${output.site_domain_target}, the pages are at ${jsonencode(output.page_urls)}"
  }
  assert {
    condition     = length(regexall("\\.lambda-url\\.eu-central-1\\.", "${output.join_url} ${output.turn_url} ${output.service_url}")) == 3
    error_message = "fans join at ${output.join_url}, ask at ${output.turn_url}; the shop asks at ${output.service_url}"
  }
  assert {
    condition     = length(output.status_urls) == 2 && output.audiences["semi"] == "module-apply/semi"
    error_message = "there are not two sales: ${jsonencode(output.status_urls)} ${jsonencode(output.audiences)}"
  }
  assert {
    condition     = output.config_table_name != null && strcontains(output.config_read_policy_json, output.config_table_name)
    error_message = "the policy for functions of the shop does not name the table ${output.config_table_name}"
  }
  assert {
    condition     = startswith(output.alarm_topic_arn, "arn:aws:sns:eu-central-1:") && contains(serverless_config.sale[0].alarms.actions, output.alarm_topic_arn)
    error_message = "the config's alarms do not go to the topic ${output.alarm_topic_arn}"
  }
}

run "has_a_probe" {
  assert {
    condition     = length(output.monitor_alarm_arns) == 3 && serverless_semantic_monitor.sale[0].waiting_room.join_url == output.join_url
    error_message = "the monitor's alarms are ${jsonencode(output.monitor_alarm_arns)}"
  }
}

run "changes_in_place" {
  variables {
    windows = 80
    tags    = { sale = "final" }
  }

  assert {
    condition     = length(serverless_queue.sale.drift) == 0 && serverless_queue.sale.windows == 80 && serverless_queue.sale.tags == tomap({ sale = "final" })
    error_message = "after the change there is drift: ${jsonencode(serverless_queue.sale.drift)}"
  }
}
