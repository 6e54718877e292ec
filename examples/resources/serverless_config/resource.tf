resource "serverless_config" "presale" {
  name = "presale-dev"

  items = {
    purchase_url = {
      string = "https://tickets.example.com/buy"
    }
    windows = {
      number      = 50
      description = "How many fans may buy at the same time."
      operator    = true
      schema      = jsonencode({ type = "integer", minimum = 1, maximum = 500 })
    }
    fees = {
      json = jsonencode({ service = 2.5, postage = 4 })
    }
    payment_key = {
      secret_arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/presale/payment-key"
    }
  }

  history_retention_days = 365
}
