# Segments of an upload in a bucket that is there already, and belongs to somebody
# else's configuration: the pipeline lists and reads it below one prefix, and
# changes nothing.

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

module "homes" {
  source = "../../modules/audience-segments"

  name = "homes"
  source_bucket = {
    name        = var.bucket
    prefix      = "homes/"
    kms_key_arn = var.bucket_key_arn
  }

  # A file has many homes, as the agency writes them.
  item = {
    key     = ["/agency", "/id"]
    records = "/listings"
    attributes = {
      suburb    = { pointer = "/address/suburb", required = true }
      price     = { pointer = "/price", type = "number" }
      bedrooms  = { pointer = "/bedrooms", type = "number", default = "0" }
      listed_at = { pointer = "/listed_at", type = "timestamp" }
    }
  }
  segments = {
    attribute = "suburb"
    top       = 500
    metrics   = ["price", "bedrooms"]
  }

  # Each upload is whole: homes that are sold are gone from the next one. A file
  # that failed counts as gone too, so its items stay for three days, in which the
  # failures can be taken again.
  stale         = { what = "expire", days = 3 }
  overdue_hours = 24

  expected_load = { files = 100000 }
  alarm_emails  = var.alarm_emails

  architecture  = var.architecture
  force_destroy = var.force_destroy
  tags          = { team = "homes" }
}
