# Five million votes in ten minutes, twice as many a second at the opening.
data "serverless_burst_forecast" "vote" {
  system = "voting_window"
  name   = "tv-final"
  arguments = {
    question  = "Who wins the final?"
    answers   = { anna = "Anna and the Hurricanes", bruno = "Bruno" }
    opens_at  = "2027-05-22T20:15:00+02:00"
    closes_at = "2027-05-22T20:25:00+02:00"
    capacity  = { warm_writes = 16000 }
  }
  arrivals = {
    opening_rate    = 16000
    opening_seconds = 30
    plateau_rate    = 8000
  }
  quotas = {
    concurrent_executions = 3000
  }
}

output "will_it_hold" {
  value = data.serverless_burst_forecast.vote.summary
}

output "what_to_do" {
  value = data.serverless_burst_forecast.vote.limits[*].advice
}
