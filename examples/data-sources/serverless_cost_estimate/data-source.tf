data "serverless_cost_estimate" "vote" {
  system = "voting_window"
  name   = "tv-final"
  arguments = {
    question  = "Who wins the final?"
    answers   = { anna = "Anna and the Hurricanes", bruno = "Bruno" }
    opens_at  = "2027-05-22T20:15:00+02:00"
    closes_at = "2027-05-22T20:25:00+02:00"
  }
  load = {
    votes                 = 1000000
    peak_votes_per_second = 4000
    viewers               = 100000
  }
}

output "the_final_costs" {
  value = data.serverless_cost_estimate.vote.per_event
}
