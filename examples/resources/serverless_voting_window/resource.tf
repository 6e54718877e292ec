resource "serverless_voting_window" "final" {
  name     = "tv-final"
  question = "Who wins the final?"
  answers = {
    anna  = "Anna and the Hurricanes"
    bruno = "Bruno"
  }

  opens_at      = "2027-05-22T20:15:00+02:00"
  closes_at     = "2027-05-22T20:25:00+02:00"
  voter_pattern = "[0-9]{8}"

  alarms = {
    actions = ["arn:aws:sns:eu-central-1:123456789012:night-shift"]
  }
}
