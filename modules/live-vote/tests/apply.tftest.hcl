# Makes a vote, looks at it, changes it in place and takes it away again. It
# needs an account, or AWS_ENDPOINT_URL of a local AWS.

variables {
  name         = "module-apply"
  opens_at     = "2099-05-22T20:15:00+02:00"
  closes_at    = "2099-05-22T20:25:00+02:00"
  alarm_emails = ["night-shift@example.com"]
  questions = {
    winner = {
      text    = "Who wins the final?"
      answers = { anna = "Anna and the Hurricanes", bruno = "Bruno" }
    }
    song = {
      text    = "Which song?"
      answers = { storm = "Storm", home = "Coming home" }
    }
  }
  voters        = { pattern = "[0-9]{8}" }
  expected_load = { votes = 100000, peak_votes_per_second = 500 }
  tags          = { show = "semi-final", season = "2099" }
  force_destroy = true
}

provider "serverless" {
  region = "eu-central-1"
}

run "makes_the_vote" {
  assert {
    condition     = endswith(output.site_domain_target, ".cloudfront.net") && strcontains(output.page_url, "://${trimsuffix(output.site_domain_target, "net")}") && endswith(output.page_url, "/")
    error_message = "the page is at ${output.page_url}, and a domain would point to ${output.site_domain_target}"
  }
  assert {
    condition     = output.studio_url == "${output.page_url}studio" && output.results_url == "${output.page_url}results.json" && output.window_url == "${output.page_url}window.json"
    error_message = "studio, results and window are not beside the page: ${output.studio_url} ${output.results_url} ${output.window_url}"
  }
  assert {
    condition     = length(regexall("\\.lambda-url\\.eu-central-1\\.", output.vote_url)) == 1
    error_message = "votes are sent to ${output.vote_url}"
  }
  assert {
    condition     = output.closes_at_in_force == "2099-05-22T18:25:00Z"
    error_message = "the closing in force is ${output.closes_at_in_force}"
  }
  assert {
    condition     = startswith(output.signing_key_arn, "arn:aws:kms:eu-central-1:") && startswith(output.alarm_topic_arn, "arn:aws:sns:eu-central-1:")
    error_message = "the key is ${output.signing_key_arn}, the topic ${output.alarm_topic_arn}"
  }
  assert {
    condition     = output.api_domain_target == "" && output.forecast == null && output.cost.unit == "vote" && output.cost.per_event > 0
    error_message = "there is an API's domain or a forecast, or no price of an evening"
  }
}

run "changes_in_place" {
  variables {
    closes_at = "2099-05-22T20:35:00+02:00"
    tags      = { show = "final" }
  }

  assert {
    condition     = output.closes_at_in_force == "2099-05-22T18:35:00Z"
    error_message = "the vote closes at ${output.closes_at_in_force}"
  }
  assert {
    condition     = length(serverless_voting_window.vote.drift) == 0 && serverless_voting_window.vote.tags == tomap({ show = "final" })
    error_message = "after the change there is drift: ${jsonencode(serverless_voting_window.vote.drift)}"
  }
}
