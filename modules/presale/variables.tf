variable "name" {
  description = "Name of the sale's waiting room, unique in the account and region. All names in AWS begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24
    error_message = "The name must have 1 to 24 lower-case letters, digits and single dashes, and begin with a letter: arena."
  }
}

variable "opens_at" {
  description = "When the sale opens, RFC 3339: 2027-05-22T10:00:00+02:00."
  type        = string

  validation {
    condition     = can(timeadd(var.opens_at, "0s"))
    error_message = "Give opens_at as RFC 3339, with its time zone: 2027-05-22T10:00:00+02:00."
  }
}

variable "closes_at" {
  description = "When the sale closes, RFC 3339: 2027-05-22T18:00:00+02:00."
  type        = string

  validation {
    condition     = can(timeadd(var.closes_at, "0s"))
    error_message = "Give closes_at as RFC 3339, with its time zone: 2027-05-22T18:00:00+02:00."
  }
}

variable "purchase_url" {
  description = "Where called fans go, by https; the pass takes the place of {token}, or is added as the query's token."
  type        = string

  validation {
    condition     = startswith(var.purchase_url, "https://")
    error_message = "The purchase URL begins with https://."
  }
}

variable "windows" {
  description = "How many fans can be in the shop at the same time: 0 to 2,000."
  type        = number

  validation {
    condition     = var.windows >= 0 && var.windows <= 2000 && floor(var.windows) == var.windows
    error_message = "There are 0 to 2,000 windows."
  }
}

variable "pace" {
  description = "How fast fans are called and for how long: calls a second at most, seconds to take a window and to have it, how often it is renewed, and the heartbeat near the front (0 passes nobody over)."
  type = object({
    admission_rate     = optional(number)
    window_ttl_seconds = optional(number)
    claim_ttl_seconds  = optional(number)
    max_renewals       = optional(number)
    heartbeat_seconds  = optional(number)
  })
  default = {}

  validation {
    condition     = var.pace.heartbeat_seconds == null ? true : var.pace.heartbeat_seconds == 0 || var.pace.heartbeat_seconds >= 20
    error_message = "The heartbeat is 0 or at least 20 seconds."
  }
}

variable "paused" {
  description = "Whether nobody is called. What an operator paused or resumed holds until this changes."
  type        = bool
  default     = null
}

variable "pre_queue" {
  description = "From when on fans may come before the opening, and how they are served: order is shuffle (drawn; with a beacon nobody can have chosen the order) or fifo."
  type = object({
    from  = string
    order = optional(string)
    beacon = optional(object({
      url                 = optional(string)
      chain               = optional(string)
      round_after_seconds = optional(number)
    }))
  })
  default = null

  validation {
    condition     = var.pre_queue == null ? true : can(timeadd(var.pre_queue.from, "0s"))
    error_message = "Give pre_queue.from as RFC 3339, with its time zone: 2027-05-22T09:00:00+02:00."
  }

  validation {
    condition     = try(var.pre_queue.order, null) == null ? true : contains(["shuffle", "fifo"], var.pre_queue.order)
    error_message = "The order before the opening is shuffle or fifo."
  }
}

variable "sales" {
  description = "More sales in the same room, by id: each has its own line, windows and times; what it leaves out is as for the first."
  type = map(object({
    title              = optional(string)
    opens_at           = optional(string)
    closes_at          = optional(string)
    purchase_url       = optional(string)
    windows            = optional(number)
    admission_rate     = optional(number)
    window_ttl_seconds = optional(number)
    claim_ttl_seconds  = optional(number)
    max_renewals       = optional(number)
    heartbeat_seconds  = optional(number)
    paused             = optional(bool)
    pre_queue = optional(object({
      from  = string
      order = optional(string)
      beacon = optional(object({
        url                 = optional(string)
        chain               = optional(string)
        round_after_seconds = optional(number)
      }))
    }))
  }))
  default = null

  validation {
    condition     = alltrue([for id in keys(var.sales == null ? {} : var.sales) : can(regex("^[a-z0-9][a-z0-9-]{0,30}$", id))])
    error_message = "Ids of sales have at most 31 lower-case letters, digits and dashes, and begin with a letter or digit."
  }
}

variable "join" {
  description = "How fans join: kind is ticket (a signed ticket) or identity (a Cognito identity, with a page of your own); by codes of a list, or by the organiser's own tokens (jwt), one place each."
  type = object({
    kind = optional(string, "ticket")
    codes = optional(object({
      file       = optional(string)
      s3_uri     = optional(string)
      version_id = optional(string)
      etag       = optional(string)
    }))
    jwt = optional(object({
      issuer    = string
      audience  = string
      client_id = optional(string)
      scope     = optional(string)
    }))
  })
  default = {}

  validation {
    condition     = contains(["ticket", "identity"], var.join.kind)
    error_message = "The kind of join is ticket or identity."
  }

  validation {
    condition     = var.join.codes == null || var.join.jwt == null
    error_message = "A fan joins by a code or by a token: leave codes or jwt out."
  }
}

variable "assigner" {
  description = "Who sends called fans to the shop: managed, or external where the ticketing service takes them from a queue and assigns each a URL."
  type        = string
  default     = "managed"

  validation {
    condition     = contains(["managed", "external"], var.assigner)
    error_message = "The assigner is managed or external."
  }
}

variable "token" {
  description = "The passes: what they are for (claim aud), which generation of keys signs, and whether the keys are in KMS."
  type = object({
    audience       = optional(string)
    key_generation = optional(number)
    kms            = optional(bool)
  })
  default = null
}

variable "site" {
  description = "The page: its words, colours, files and address. CloudFront serves it unless cdn = false; with enabled = false you serve your own."
  type = object({
    enabled     = optional(bool)
    title       = optional(string)
    logo        = optional(string)
    primary     = optional(string)
    background  = optional(string)
    text        = optional(string)
    languages   = optional(list(string))
    texts       = optional(map(map(string)))
    links       = optional(map(string))
    cdn         = optional(bool, true)
    status_from = optional(string)
    warm_reads  = optional(number)
    web_acl_arn = optional(string)
    domain = optional(object({
      name            = string
      certificate_arn = string
    }))
  })
  default = {}

  validation {
    condition     = var.site.cdn || var.site.domain == null && var.site.web_acl_arn == null
    error_message = "domain and web_acl_arn are CloudFront's: leave cdn = true."
  }
}

variable "warm_writes" {
  description = "Joins a second that the table of fans must take at once, at least 4,000. AWS never lowers it."
  type        = number
  default     = null
}

variable "config" {
  description = "What differs between environments, for the functions of the shop: items by key, each a string, number, bool, json or secret_arn. Null makes no such table."
  type = object({
    items = map(object({
      string      = optional(string)
      number      = optional(number)
      bool        = optional(bool)
      json        = optional(string)
      secret_arn  = optional(string)
      schema      = optional(string)
      operator    = optional(bool)
      description = optional(string)
    }))
    schema                 = optional(string)
    history_retention_days = optional(number)
    force_remove           = optional(set(string))
  })
  default = null
}

variable "monitor" {
  description = "The probe that goes the way of a fan: how often, and within how long it must be called. Null sends none; with join.kind = identity there is none."
  type = object({
    interval_minutes = optional(number, 5)
    within_seconds   = optional(number, 150)
  })
  default = {}
}

variable "release" {
  description = "How new versions of the room's functions go live: percent of the calls for some minutes, and back when an alarm rings; with percent = 0 at once. Null lets each apply put them live."
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
  description = "What is expected of the opening. Plans then warn of quotas that would not carry it, and the output cost tells what it costs."
  type = object({
    fans                  = number
    admitted              = optional(number)
    peak_joins_per_second = optional(number)
    wait_minutes          = optional(number)
    events_per_month      = optional(number)
  })
  default = null
}

variable "forecast" {
  description = "What comes when, to be played through at plan: arrivals as joins a second, and what the account has where that is not AWS's default."
  type = object({
    arrivals = object({
      plateau_rate    = number
      opening_rate    = optional(number)
      opening_seconds = optional(number)
      tail_seconds    = optional(number)
      seconds         = optional(number)
    })
    quotas = optional(object({
      concurrent_executions      = optional(number)
      api_requests_per_second    = optional(number)
      api_burst                  = optional(number)
      table_write_units          = optional(number)
      table_write_units_at_start = optional(number)
      mapping_batches            = optional(number)
      messages_in_flight         = optional(number)
    }))
  })
  default = null
}

variable "retention_days" {
  description = "Days after joining when DynamoDB begins to delete what is known of a fan. Null keeps it."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 1 && var.retention_days <= 3650
    error_message = "Fans are kept for 1 to 3650 days, or for good with null."
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
  description = "Whether to keep the deployed functions when the provider brings newer ones: true from the day before the sale."
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
  description = "Whether a destroy may delete what is known of fans. What was applied last counts."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every part, on top of the provider's default_tags."
  type        = map(string)
  default     = {}
}
