# The vote of a live show: one resource with what such a show wants, and what it
# would cost and stand before it exists.

locals {
  # The arguments beside the name. Data sources look at the very same system
  # before it exists.
  arguments = {
    questions     = var.questions
    opens_at      = var.opens_at
    closes_at     = var.closes_at
    grace_seconds = var.grace_seconds

    voter_pattern     = var.voters.pattern
    ticket_public_key = var.voters.ticket_public_key
    allow_list        = var.voters.allow_list
    votes_per_voter   = var.voters.votes_each
    revote            = var.voters.revote

    intake     = var.intake.kind
    jwt        = var.intake.jwt
    direct     = var.intake.direct
    api_domain = var.intake.domain
    quarantine = var.quarantine

    results               = var.results.publish
    publish_every_seconds = var.results.every_seconds
    site                  = var.site
    capacity              = var.capacity
    expected_load         = var.expected_load

    retention_days = var.retention_days
    export         = var.export
    dashboard      = var.dashboard
    alarms = {
      topic   = true
      emails  = var.alarm_emails
      actions = var.alarm_actions
    }

    architecture             = var.architecture
    functions                = var.functions
    hold_functions           = var.hold_functions
    log_retention_days       = var.log_retention_days
    kms_key_arn              = var.kms_key_arn
    permissions_boundary_arn = var.permissions_boundary_arn
    role_path                = var.role_path
    vpc                      = var.vpc
    force_destroy            = var.force_destroy
    tags                     = var.tags
  }
}

resource "serverless_voting_window" "vote" {
  name = var.name

  questions     = local.arguments.questions
  opens_at      = local.arguments.opens_at
  closes_at     = local.arguments.closes_at
  grace_seconds = local.arguments.grace_seconds

  voter_pattern     = local.arguments.voter_pattern
  ticket_public_key = local.arguments.ticket_public_key
  allow_list        = local.arguments.allow_list
  votes_per_voter   = local.arguments.votes_per_voter
  revote            = local.arguments.revote

  intake     = local.arguments.intake
  jwt        = local.arguments.jwt
  direct     = local.arguments.direct
  api_domain = local.arguments.api_domain
  quarantine = local.arguments.quarantine

  results               = local.arguments.results
  publish_every_seconds = local.arguments.publish_every_seconds
  site                  = local.arguments.site
  capacity              = local.arguments.capacity
  expected_load         = local.arguments.expected_load

  retention_days = local.arguments.retention_days
  export         = local.arguments.export
  dashboard      = local.arguments.dashboard
  alarms         = local.arguments.alarms

  architecture             = local.arguments.architecture
  functions                = local.arguments.functions
  hold_functions           = local.arguments.hold_functions
  log_retention_days       = local.arguments.log_retention_days
  kms_key_arn              = local.arguments.kms_key_arn
  permissions_boundary_arn = local.arguments.permissions_boundary_arn
  role_path                = local.arguments.role_path
  vpc                      = local.arguments.vpc
  force_destroy            = local.arguments.force_destroy
  tags                     = local.arguments.tags
}

# What becomes of the opening, where the variable forecast says what comes.
data "serverless_burst_forecast" "vote" {
  count = var.forecast == null ? 0 : 1

  system    = "voting_window"
  name      = var.name
  arguments = local.arguments
  arrivals  = var.forecast.arrivals
  quotas    = var.forecast.quotas
}

check "the_vote_holds" {
  assert {
    condition = alltrue([
      for f in data.serverless_burst_forecast.vote : f.refused == 0 && f.within_grace && f.results_frozen_seconds == 0
    ])
    error_message = join("\n", flatten([for f in data.serverless_burst_forecast.vote : [f.summary, f.limits[*].advice]]))
  }
}
