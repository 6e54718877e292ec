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
    condition     = output.api_domain_target == "" && output.forecast == null
    error_message = "there is an API's domain, or a forecast"
  }
}

run "moves_the_closing_in_place" {
  variables {
    closes_at = "2099-05-22T20:35:00+02:00"
  }

  assert {
    condition     = output.closes_at_in_force == "2099-05-22T18:35:00Z" && output.vote_url == run.makes_the_vote.vote_url && output.page_url == run.makes_the_vote.page_url
    error_message = "the vote closes at ${output.closes_at_in_force}, at ${output.vote_url} and ${output.page_url}"
  }
}
