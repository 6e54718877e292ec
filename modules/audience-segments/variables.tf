variable "name" {
  description = "Name of the pipeline, unique in the account and region. All names in AWS begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24
    error_message = "The name must have 1 to 24 lower-case letters, digits and single dashes, and begin with a letter: homes."
  }
}

variable "item" {
  description = "What of a JSON document becomes an item: where its key and its attributes are, as JSON pointers; records is where an array of items is."
  type = object({
    key = list(string)
    attributes = optional(map(object({
      pointer  = string
      type     = optional(string)
      default  = optional(string)
      required = optional(bool)
    })))
    records   = optional(string)
    max_bytes = optional(number)
  })

  validation {
    condition     = length(var.item.key) >= 1 && alltrue([for p in concat(var.item.key, values(var.item.attributes == null ? {} : var.item.attributes)[*].pointer) : p == "" || startswith(p, "/")])
    error_message = "Places in a document are JSON pointers, which begin with a slash: /address/suburb. The key has one at least."
  }
}

variable "segments" {
  description = "By which attribute items are grouped, how many a segment has at least, how many segments are taken, and of which attributes there are figures. Null makes none."
  type = object({
    attribute   = string
    min_size    = optional(number, 10)
    top         = optional(number)
    metrics     = optional(set(string))
    percentiles = optional(set(number))
  })
  default = null

  validation {
    condition     = var.segments == null ? true : var.segments.min_size >= 1
    error_message = "A segment has 1 item at least."
  }
}

variable "source_bucket" {
  description = "The bucket with the uploads where it is there already: its name, below which prefix uploads are, and the key that encrypts it. Null makes one."
  type = object({
    name        = string
    prefix      = optional(string)
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = try(var.source_bucket.prefix, null) == null ? true : !startswith(var.source_bucket.prefix, "/")
    error_message = "Keys in S3 begin without a slash: homes/."
  }
}

variable "stream" {
  description = "The stream of files: shards, or on_demand, and for how many hours it has its records."
  type = object({
    shards          = optional(number)
    on_demand       = optional(bool)
    retention_hours = optional(number)
  })
  default = null

  validation {
    condition     = var.stream == null ? true : !(coalesce(var.stream.on_demand, false) && var.stream.shards != null)
    error_message = "On demand AWS decides how many shards there are: leave shards or on_demand out."
  }
}

variable "ingest" {
  description = "How files are ingested: how many functions a shard, records a call, files a call reads at the same time, and bytes of a file at most."
  type = object({
    parallelization_factor = optional(number)
    batch_size             = optional(number)
    reads                  = optional(number)
    max_file_bytes         = optional(number)
  })
  default = null
}

variable "stale" {
  description = "What becomes of items that are gone from an upload: keep, or expire, which takes them out of all segments at once and deletes them after days."
  type = object({
    what = optional(string, "keep")
    days = optional(number)
  })
  default = {}

  validation {
    condition     = contains(["keep", "expire"], var.stale.what) && (var.stale.days == null || var.stale.what == "expire")
    error_message = "Items that are gone are kept, or expire after days: stale = { what = \"expire\", days = 7 }."
  }
}

variable "completion" {
  description = "When a run goes on to its next stage: by count, or also when it is idle; and after how many minutes without progress it is stuck, for which an alarm rings."
  type = object({
    by           = optional(string, "count")
    idle_minutes = optional(number, 15)
  })
  default = {}

  validation {
    condition     = contains(["count", "idle"], var.completion.by)
    error_message = "A run goes on by count, or by idle."
  }
  validation {
    condition     = var.completion.idle_minutes >= 5 && var.completion.idle_minutes <= 1440
    error_message = "A run is stuck after 5 to 1,440 minutes without progress."
  }
}

variable "overdue_hours" {
  description = "Hours within which a run must have been done, or an alarm rings: 24 where an upload comes each day. Null waits for none."
  type        = number
  default     = null

  validation {
    condition     = var.overdue_hours == null ? true : var.overdue_hours >= 1 && var.overdue_hours <= 24
    error_message = "A run is overdue after 1 to 24 hours."
  }
}

variable "failed_files_alarm" {
  description = "How many files may fail within five minutes before an alarm rings."
  type        = number
  default     = 100
}

variable "bookings" {
  description = "Lets segments be booked: to which third party the items of a booked segment are sent, how often the data is generated, and its form. Null takes no bookings."
  type = object({
    target = object({
      url             = string
      method          = optional(string)
      secret_arn      = optional(string)
      header          = optional(string)
      expect          = optional(string)
      timeout_seconds = optional(number)
      kms_key_arns    = optional(set(string))
    })
    every_minutes = optional(number)
    format        = optional(string)
    gzip          = optional(bool)
    give_up_hours = optional(number)
    concurrency   = optional(number)
  })
  default = null
}

variable "notifications" {
  description = "Who is told how a booking ended: a topic, a signed webhook or both. Null tells nobody."
  type = object({
    topic_arn = optional(string)
    webhook = optional(object({
      url        = string
      secret_arn = string
    }))
    kms_key_arns = optional(set(string))
  })
  default = null
}

variable "api" {
  description = "The GraphQL API: auth is jwt, iam or api_key; who signs tokens, or where the keys are listed. Null makes none."
  type = object({
    auth = string
    jwt = optional(object({
      issuer    = string
      audience  = set(string)
      client_id = optional(string)
      scope     = optional(string)
    }))
    keys_arn      = optional(string)
    kms_key_arns  = optional(set(string))
    write_scope   = optional(string)
    introspection = optional(bool)
    domain = optional(object({
      name            = string
      certificate_arn = string
    }))
  })
  default = null

  validation {
    condition     = var.api == null ? true : contains(["jwt", "iam", "api_key"], var.api.auth)
    error_message = "The auth of the API is jwt, iam or api_key."
  }
}

variable "site" {
  description = "The page in which readers browse segments, book them and watch runs, with the API. CloudFront serves it unless cdn = false. Null makes none."
  type = object({
    title       = optional(string)
    logo        = optional(string)
    primary     = optional(string)
    background  = optional(string)
    text        = optional(string)
    languages   = optional(list(string))
    texts       = optional(map(map(string)))
    links       = optional(map(string))
    cdn         = optional(bool, true)
    web_acl_arn = optional(string)
    domain = optional(object({
      name            = string
      certificate_arn = string
    }))
  })
  default = null
}

variable "release" {
  description = "How new versions of the functions go live: percent of the calls for some minutes, and back when an alarm rings; with percent = 0 at once. Null lets each apply put them live."
  type = object({
    pipeline = string
    commit   = string
    percent  = optional(number, 10)
    minutes  = optional(number, 15)
    tested   = optional(set(string))
  })
  default = null
}

variable "expected_load" {
  description = "What is expected of one upload. Plans then warn of quotas that would not carry it, and the output cost tells what it costs."
  type = object({
    files             = number
    file_bytes        = optional(number)
    item_bytes        = optional(number)
    segments          = optional(number)
    uploads_per_month = optional(number)

    bookings_per_month     = optional(number)
    api_requests_per_month = optional(number)
  })
  default = null
}

variable "retention_days" {
  description = "Days for which a run is kept: what is known of it, its failures and its objects. The run that readers see stays. Null keeps all."
  type        = number
  default     = 90

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 1 && var.retention_days <= 3650
    error_message = "Runs are kept for 1 to 3650 days, or for good with null."
  }
}

variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard."
  type        = bool
  default     = true
}

variable "alarm_emails" {
  description = "E-mail addresses that the alarms' topic notifies, each after it has confirmed."
  type        = set(string)
  default     = []
}

variable "alarm_actions" {
  description = "ARNs that alarms notify beside the topic of their own: at most 4."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.alarm_actions) <= 4
    error_message = "An alarm has 5 actions, and the topic of their own is one: give at most 4."
  }
}

variable "hold_functions" {
  description = "Whether to keep the deployed functions when the provider brings newer ones."
  type        = bool
  default     = false
}

variable "functions" {
  description = "Memory, time-out and reserved concurrency of single functions, by name."
  type = map(object({
    memory_mb            = optional(number)
    timeout_seconds      = optional(number)
    reserved_concurrency = optional(number)
  }))
  default = {}
}

variable "architecture" {
  description = "Processor architecture of the functions: arm64 or x86_64."
  type        = string
  default     = "arm64"
}

variable "log_retention_days" {
  description = "Days for which the functions' logs are kept."
  type        = number
  default     = 14
}

variable "kms_key_arn" {
  description = "ARN of a KMS key that encrypts what is stored. Null takes AWS's own keys."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of every role."
  type        = string
  default     = null
}

variable "role_path" {
  description = "IAM path of every role."
  type        = string
  default     = "/"
}

variable "vpc" {
  description = "Subnets and security groups of the functions."
  type = object({
    subnet_ids         = set(string)
    security_group_ids = set(string)
  })
  default = null
}

variable "force_destroy" {
  description = "Whether a destroy may delete uploads and items. What was applied last counts."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every part, on top of the provider's default_tags."
  type        = map(string)
  default     = {}
}
