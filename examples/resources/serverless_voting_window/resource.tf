resource "serverless_voting_window" "final" {
  name = "tv-final"
  questions = {
    winner = {
      text = "Who wins the final?"
      answers = {
        anna  = "Anna and the Hurricanes"
        bruno = "Bruno"
      }
    }
    song = {
      text = "Which was the song of the season?"
      answers = {
        storm = "Storm over the sea"
        home  = "Coming home"
      }
    }
  }

  opens_at      = "2027-05-22T20:15:00+02:00"
  closes_at     = "2027-05-22T20:25:00+02:00"
  voter_pattern = "[0-9]{8}"

  # Set aside what comes from one address a hundred times in a minute.
  quarantine = {
    votes_per_address = 100
  }

  site = {
    title     = "The Final"
    primary   = "#aa0033"
    languages = ["en", "de"]
    cdn       = true
  }

  retention_days = 90
  export = {
    sign = true
  }

  dashboard = true
  alarms = {
    actions = ["arn:aws:sns:eu-central-1:123456789012:night-shift"]
  }
}
