resource "serverless_recommendation_pipeline" "homes" {
  name = "homes"

  # What of each file becomes an item: JSON pointers.
  item = {
    key = ["/id"]
    attributes = {
      suburb    = { pointer = "/address/suburb", required = true }
      price     = { pointer = "/price", type = "number" }
      bedrooms  = { pointer = "/bedrooms", type = "number", default = "0" }
      listed_at = { pointer = "/listed_at", type = "timestamp" }
    }
  }

  # The five hundred suburbs with the most homes, ten at least, with their prices.
  segments = {
    attribute = "suburb"
    min_size  = 10
    top       = 500
    metrics   = ["price"]
  }

  retention_days = 90

  alarms = {
    emails = ["team@example.com"]
  }
}
