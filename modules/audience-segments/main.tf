# Audience segments: the pipeline from an upload's files to segments with figures,
# releases by a canary, and what it costs before it exists.

locals {
  # The arguments beside the name. Data sources look at the very same system
  # before it exists.
  arguments = {
    source = var.source_bucket == null ? null : {
      bucket      = var.source_bucket.name
      prefix      = var.source_bucket.prefix
      kms_key_arn = var.source_bucket.kms_key_arn
    }
    item     = var.item
    stream   = var.stream
    ingest   = var.ingest
    segments = var.segments

    completion         = var.completion
    stale              = var.stale.what
    stale_days         = var.stale.days
    retention_days     = var.retention_days
    failed_files_alarm = var.failed_files_alarm
    overdue_hours      = var.overdue_hours

    bookings      = var.bookings
    notifications = var.notifications
    api           = var.api
    site          = var.site

    expected_load = var.expected_load
    dashboard     = var.dashboard
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
}

resource "serverless_recommendation_pipeline" "audience" {
  name = var.name

  source   = local.arguments.source
  item     = local.arguments.item
  stream   = local.arguments.stream
  ingest   = local.arguments.ingest
  segments = local.arguments.segments

  completion         = local.arguments.completion
  stale              = local.arguments.stale
  stale_days         = local.arguments.stale_days
  retention_days     = local.arguments.retention_days
  failed_files_alarm = local.arguments.failed_files_alarm
  overdue_hours      = local.arguments.overdue_hours

  bookings      = local.arguments.bookings
  notifications = local.arguments.notifications
  api           = local.arguments.api
  site          = local.arguments.site

  expected_load = local.arguments.expected_load
  dashboard     = local.arguments.dashboard
  alarms        = local.arguments.alarms

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

# The functions go live by a canary, and back when one of the pipeline's alarms
# rings.
resource "serverless_release" "audience" {
  count = var.release == null ? 0 : 1
  name  = var.name

  pipeline = var.release.pipeline
  commit   = var.release.commit
  tested   = var.release.tested
  systems = {
    recommendation_pipeline = {
      aliases  = serverless_recommendation_pipeline.audience.function_arns
      versions = serverless_recommendation_pipeline.audience.function_versions
      digest   = serverless_recommendation_pipeline.audience.functions_sha256
    }
  }
  canary = var.release.percent == 0 ? null : {
    percent = var.release.percent
    minutes = var.release.minutes
    alarms  = values(serverless_recommendation_pipeline.audience.alarm_names)
  }
  alarms = { actions = [serverless_recommendation_pipeline.audience.alarm_topic_arn] }

  architecture             = var.architecture
  log_retention_days       = var.log_retention_days
  kms_key_arn              = var.kms_key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = var.role_path
  vpc                      = var.vpc
  force_destroy            = var.force_destroy
  tags                     = var.tags
}
