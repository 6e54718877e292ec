# What the pipeline that deploys this vote may do, and nothing else. The vote
# need not exist.
locals {
  vote = {
    question                 = "Who wins the final?"
    answers                  = { anna = "Anna and the Hurricanes", bruno = "Bruno" }
    opens_at                 = "2027-05-22T20:15:00+02:00"
    closes_at                = "2027-05-22T20:25:00+02:00"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/tv-final-boundary"
  }
}

data "serverless_deploy_policy" "vote" {
  system    = "voting_window"
  name      = "tv-final"
  arguments = local.vote
}

# Attach each of these to the pipeline's role.
output "policies" {
  value = data.serverless_deploy_policy.vote.policies
}

# The document of the policy tv-final-boundary, made once by an administrator.
output "boundary" {
  value = data.serverless_deploy_policy.vote.boundary
}
