data "serverless_architecture" "vote" {
  system = "voting_window"
  name   = "tv-final"
  arguments = {
    question  = "Who wins the final?"
    answers   = { anna = "Anna and the Hurricanes", bruno = "Bruno" }
    opens_at  = "2027-05-22T20:15:00+02:00"
    closes_at = "2027-05-22T20:25:00+02:00"
  }
}

output "picture" {
  value = data.serverless_architecture.vote.mermaid
}
