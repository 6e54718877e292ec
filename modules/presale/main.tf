# A presale: the waiting room, the table with what differs between environments, a
# monitor that goes the way of a fan, releases by a canary, and what it would cost
# and stand before it exists.

locals {
  # The arguments beside the name. Data sources look at the very same system
  # before it exists.
  arguments = {
    opens_at     = var.opens_at
    closes_at    = var.closes_at
    purchase_url = var.purchase_url
    pre_queue    = var.pre_queue
    sales        = var.sales

    windows            = var.windows
    admission_rate     = var.pace.admission_rate
    window_ttl_seconds = var.pace.window_ttl_seconds
    claim_ttl_seconds  = var.pace.claim_ttl_seconds
    max_renewals       = var.pace.max_renewals
    heartbeat_seconds  = var.pace.heartbeat_seconds
    paused             = var.paused

    join       = var.join.kind
    join_codes = var.join.codes
    jwt        = var.join.jwt
    assigner   = var.assigner
    token      = var.token

    site          = var.site
    warm_writes   = var.warm_writes
    expected_load = var.expected_load

    retention_days = var.retention_days
    dashboard      = var.dashboard
    alarms = {
      topic   = true
      emails  = var.alarm_emails
      actions = var.alarm_actions
    }

    architecture             = var.architecture
    functions                = var.functions
    go_live                  = var.release == null ? "apply" : "release"
    hold_functions           = var.hold_functions
    log_retention_days       = var.log_retention_days
    kms_key_arn              = var.kms_key_arn
    permissions_boundary_arn = var.permissions_boundary_arn
    role_path                = var.role_path
    vpc                      = var.vpc
    force_destroy            = var.force_destroy
    tags                     = var.tags
  }

  # What watches the room tells the same people.
  to_the_same = { actions = [serverless_queue.sale.alarm_topic_arn] }

  # A probe joins by ticket: with a Cognito identity there is nowhere to send it.
  monitored = var.monitor != null && var.join.kind == "ticket"

  config_arguments = var.config == null ? null : {
    items                  = var.config.items
    schema                 = var.config.schema
    history_retention_days = var.config.history_retention_days
    force_remove           = var.config.force_remove

    alarms = local.to_the_same

    architecture             = var.architecture
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

resource "serverless_queue" "sale" {
  name = var.name

  opens_at     = local.arguments.opens_at
  closes_at    = local.arguments.closes_at
  purchase_url = local.arguments.purchase_url
  pre_queue    = local.arguments.pre_queue
  sales        = local.arguments.sales

  windows            = local.arguments.windows
  admission_rate     = local.arguments.admission_rate
  window_ttl_seconds = local.arguments.window_ttl_seconds
  claim_ttl_seconds  = local.arguments.claim_ttl_seconds
  max_renewals       = local.arguments.max_renewals
  heartbeat_seconds  = local.arguments.heartbeat_seconds
  paused             = local.arguments.paused

  join       = local.arguments.join
  join_codes = local.arguments.join_codes
  jwt        = local.arguments.jwt
  assigner   = local.arguments.assigner
  token      = local.arguments.token

  site          = local.arguments.site
  warm_writes   = local.arguments.warm_writes
  expected_load = local.arguments.expected_load

  retention_days = local.arguments.retention_days
  dashboard      = local.arguments.dashboard
  alarms         = local.arguments.alarms

  architecture             = local.arguments.architecture
  functions                = local.arguments.functions
  go_live                  = local.arguments.go_live
  hold_functions           = local.arguments.hold_functions
  log_retention_days       = local.arguments.log_retention_days
  kms_key_arn              = local.arguments.kms_key_arn
  permissions_boundary_arn = local.arguments.permissions_boundary_arn
  role_path                = local.arguments.role_path
  vpc                      = local.arguments.vpc
  force_destroy            = local.arguments.force_destroy
  tags                     = local.arguments.tags
}

# What differs between environments, for the functions of the shop.
resource "serverless_config" "sale" {
  count = var.config == null ? 0 : 1
  name  = var.name

  items                  = local.config_arguments.items
  schema                 = local.config_arguments.schema
  history_retention_days = local.config_arguments.history_retention_days
  force_remove           = local.config_arguments.force_remove
  alarms                 = local.config_arguments.alarms

  architecture             = local.config_arguments.architecture
  hold_functions           = local.config_arguments.hold_functions
  log_retention_days       = local.config_arguments.log_retention_days
  kms_key_arn              = local.config_arguments.kms_key_arn
  permissions_boundary_arn = local.config_arguments.permissions_boundary_arn
  role_path                = local.config_arguments.role_path
  vpc                      = local.config_arguments.vpc
  force_destroy            = local.config_arguments.force_destroy
  tags                     = local.config_arguments.tags
}

# A probe goes the way of a fan, day and night, and takes no window.
resource "serverless_semantic_monitor" "sale" {
  count = local.monitored ? 1 : 0
  name  = var.name

  interval_minutes = try(var.monitor.interval_minutes, null)
  within_seconds   = try(var.monitor.within_seconds, null)
  waiting_room = {
    join_url      = serverless_queue.sale.join_url
    turn_url      = serverless_queue.sale.turn_url
    status_url    = serverless_queue.sale.status_urls[var.name]
    probe_key_arn = serverless_queue.sale.probe_key_arn
    sale          = var.name
  }
  target_kms_key_arns = var.kms_key_arn == null ? null : [var.kms_key_arn]
  alarms              = local.to_the_same

  architecture             = var.architecture
  hold_functions           = var.hold_functions
  log_retention_days       = var.log_retention_days
  kms_key_arn              = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  vpc                      = var.vpc
  force_destroy            = var.force_destroy
  tags                     = var.tags
}

# The room's functions go live by a canary, and back when one of its alarms rings.
resource "serverless_release" "sale" {
  count = var.release == null ? 0 : 1
  name  = var.name

  pipeline = var.release.pipeline
  commit   = var.release.commit
  tested   = var.release.tested
  systems = {
    queue = {
      aliases  = serverless_queue.sale.function_arns
      versions = serverless_queue.sale.function_versions
      digest   = serverless_queue.sale.functions_sha256
    }
  }
  canary = var.release.percent == 0 ? null : {
    percent = var.release.percent
    minutes = var.release.minutes
    alarms  = concat(values(serverless_queue.sale.alarm_names), flatten(serverless_semantic_monitor.sale[*].alarm_names["late"]))
  }
  alarms = local.to_the_same

  architecture             = var.architecture
  log_retention_days       = var.log_retention_days
  kms_key_arn              = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  vpc                      = var.vpc
  force_destroy            = var.force_destroy
  tags                     = var.tags
}

# What becomes of the opening, where the variable forecast says what comes.
data "serverless_burst_forecast" "sale" {
  count = var.forecast == null ? 0 : 1

  system    = "queue"
  name      = var.name
  arguments = local.arguments
  arrivals  = var.forecast.arrivals
  quotas    = var.forecast.quotas
}

check "the_opening_holds" {
  assert {
    condition     = alltrue([for f in data.serverless_burst_forecast.sale : f.refused == 0 && f.within_grace])
    error_message = join("\n", flatten([for f in data.serverless_burst_forecast.sale : [f.summary, f.limits[*].advice]]))
  }
}
