resource "serverless_queue" "arena" {
  name         = "arena"
  opens_at     = "2027-05-22T10:00:00+02:00"
  closes_at    = "2027-05-22T18:00:00+02:00"
  purchase_url = "https://tickets.example.com/buy?event=7"
  windows      = 50

  # Who comes from nine on is drawn at ten, so that coming early is no advantage.
  pre_queue = {
    from   = "2027-05-22T09:00:00+02:00"
    beacon = {}
  }

  sales = {
    semi = {
      title    = "The semi-final"
      opens_at = "2027-05-20T10:00:00+02:00"
      windows  = 20
    }
  }

  site = {
    title     = "The final"
    cdn       = true
    languages = ["en", "de"]
  }
}
