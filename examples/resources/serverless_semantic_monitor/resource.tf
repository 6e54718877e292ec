resource "serverless_semantic_monitor" "orders" {
  name           = "orders"
  within_seconds = 30

  # What goes into the queue must become an accepted order in the table.
  queue_to_table = {
    queue_arn = "arn:aws:sqs:eu-central-1:123456789012:orders"
    body      = jsonencode({ order = "{{probe}}", items = [] })
    table_arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/orders"
    key       = { order = "{{probe}}" }
    attribute = "state"
    equals    = "accepted"
  }

  alarms = {
    emails = ["team@example.com"]
  }
}
