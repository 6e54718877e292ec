# Makes a pipeline, looks at it, changes it in place and takes it away again. It
# needs an account, or AWS_ENDPOINT_URL of a local AWS.

variables {
  name = "module-apply"
  item = {
    key = ["/id"]
    attributes = {
      suburb    = { pointer = "/address/suburb", required = true }
      price     = { pointer = "/price", type = "number" }
      listed_at = { pointer = "/listed_at", type = "timestamp" }
    }
  }
  segments      = { attribute = "suburb", top = 500, metrics = ["price", "listed_at"] }
  stale         = { what = "expire", days = 3 }
  overdue_hours = 24
  alarm_emails  = ["night-shift@example.com"]
  expected_load = { files = 100000 }
  tags          = { team = "homes", season = "2099" }
  force_destroy = true
}

provider "serverless" {
  region = "eu-central-1"
}

run "makes_the_pipeline" {
  assert {
    condition     = startswith(output.start_topic_arn, "arn:aws:sns:eu-central-1:") && output.manifest_key == "manifest.json"
    error_message = "runs start by ${output.start_topic_arn}, the manifest is ${output.manifest_key}"
  }
  assert {
    condition     = output.source_bucket != output.results_bucket && output.table_names["items"] != output.table_names["runs"]
    error_message = "uploads are in ${output.source_bucket}, results in ${output.results_bucket}, the tables are ${jsonencode(output.table_names)}"
  }
  assert {
    condition     = length(setsubtract(["lister", "ingest", "segmenter", "metadata", "manifest", "sweeper"], keys(output.function_names))) == 0
    error_message = "functions are missing: ${jsonencode(output.function_names)}"
  }
  assert {
    condition     = startswith(output.alarm_topic_arn, "arn:aws:sns:eu-central-1:") && output.alarm_topic_arn != output.start_topic_arn
    error_message = "alarms notify ${output.alarm_topic_arn}"
  }
}

run "changes_in_place" {
  variables {
    segments = { attribute = "suburb", top = 50, metrics = ["price"] }
    ingest   = { parallelization_factor = 2 }
    tags     = { team = "homes" }
  }

  assert {
    condition     = length(serverless_recommendation_pipeline.audience.drift) == 0 && serverless_recommendation_pipeline.audience.segments.top == 50 && serverless_recommendation_pipeline.audience.tags == tomap({ team = "homes" })
    error_message = "after the change there is drift: ${jsonencode(serverless_recommendation_pipeline.audience.drift)}"
  }
}
