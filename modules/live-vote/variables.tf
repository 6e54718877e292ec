variable "name" {
  description = "Name of the vote, unique in the account and region. All names in AWS begin with it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) <= 24
    error_message = "The name must have 1 to 24 lower-case letters, digits and single dashes, and begin with a letter: tv-final."
  }
}

variable "questions" {
  description = "The questions: id → text and answers (id → label). 1 to 20, each with 2 to 100 answers."
  type = map(object({
    text    = string
    answers = map(string)
  }))

  validation {
    condition     = length(var.questions) >= 1 && length(var.questions) <= 20
    error_message = "Give 1 to 20 questions."
  }

  validation {
    condition     = alltrue([for q in var.questions : length(q.answers) >= 2 && length(q.answers) <= 100])
    error_message = "Each question needs 2 to 100 answers."
  }

  validation {
    condition = alltrue([
      for id in concat(keys(var.questions), flatten([for q in var.questions : keys(q.answers)])) : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,23}$", id))
    ])
    error_message = "Ids of questions and answers have at most 24 letters, digits, dashes and underscores, and begin with a letter or digit."
  }
}

variable "opens_at" {
  description = "When the window opens, RFC 3339: 2027-05-22T20:15:00+02:00."
  type        = string

  validation {
    condition     = can(timeadd(var.opens_at, "0s"))
    error_message = "Give opens_at as RFC 3339, with its time zone: 2027-05-22T20:15:00+02:00."
  }
}

variable "closes_at" {
  description = "When the window closes, RFC 3339."
  type        = string

  validation {
    condition     = can(timeadd(var.closes_at, "0s"))
    error_message = "Give closes_at as RFC 3339, with its time zone: 2027-05-22T20:25:00+02:00."
  }
}

variable "grace_seconds" {
  description = "Seconds after closing in which trailing votes are processed, and late ones taken and ledgered as late: 5 to 900."
  type        = number
  default     = 120

  validation {
    condition     = var.grace_seconds >= 5 && var.grace_seconds <= 900
    error_message = "The grace lies between 5 and 900 seconds."
  }
}

variable "voters" {
  description = "Who may vote, and how often: a pattern of identifiers, a list of them, tickets signed by you; revote is reject or replace."
  type = object({
    pattern           = optional(string)
    ticket_public_key = optional(string)
    votes_each        = optional(number, 1)
    revote            = optional(string, "reject")
    allow_list = optional(object({
      file       = optional(string)
      s3_uri     = optional(string)
      version_id = optional(string)
      etag       = optional(string)
    }))
  })
  default = {}

  validation {
    condition     = var.voters.votes_each >= 1 && var.voters.votes_each <= 20
    error_message = "A voter has 1 to 20 votes for each question."
  }

  validation {
    condition     = contains(["reject", "replace"], var.voters.revote)
    error_message = "revote is reject (a further vote is a duplicate) or replace (the last one counts)."
  }

  validation {
    condition     = var.voters.votes_each == 1 || var.voters.revote == "reject"
    error_message = "With several votes each there is none to replace: leave votes_each or revote out."
  }
}

variable "intake" {
  description = "Where votes are sent. kind is url (a function URL), api (an HTTP API, for jwt and a domain) or direct (browsers send to SQS)."
  type = object({
    kind = optional(string, "url")
    jwt = optional(object({
      issuer      = string
      audience    = set(string)
      voter_claim = optional(string)
      client_id   = optional(string)
      scope       = optional(string)
    }))
    domain = optional(object({
      name            = string
      certificate_arn = string
    }))
    direct = optional(object({
      credentials = optional(string)
      spend_alarm = optional(number)
    }))
  })
  default = {}

  validation {
    condition     = contains(["url", "api", "direct"], var.intake.kind)
    error_message = "The intake's kind is url, api or direct."
  }

  validation {
    condition     = var.intake.kind == "api" || var.intake.jwt == null && var.intake.domain == null
    error_message = "jwt and domain need kind = \"api\"."
  }

  validation {
    condition     = var.intake.kind == "direct" || var.intake.direct == null
    error_message = "The settings of direct need kind = \"direct\"."
  }
}

variable "quarantine" {
  description = "Votes to set aside for a look: identifiers that match a pattern, more votes from an address in a minute than this."
  type = object({
    voter_pattern     = optional(string)
    votes_per_address = optional(number)
  })
  default = null
}

variable "results" {
  description = "When figures are published, live or after_close, and how often while the window is open: every 1 to 60 seconds."
  type = object({
    publish       = optional(string, "live")
    every_seconds = optional(number, 5)
  })
  default = {}

  validation {
    condition     = contains(["live", "after_close"], var.results.publish)
    error_message = "Results are published live or after_close."
  }
}

variable "site" {
  description = "The page: its words, colours, files and address. CloudFront serves it unless cdn = false."
  type = object({
    enabled         = optional(bool, true)
    title           = optional(string)
    voter_label     = optional(string)
    logo            = optional(string)
    primary         = optional(string)
    background      = optional(string)
    text            = optional(string)
    languages       = optional(list(string))
    texts           = optional(map(map(string)))
    assets          = optional(map(string))
    refresh_seconds = optional(number)
    cdn             = optional(bool, true)
    web_acl_arn     = optional(string)
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

variable "capacity" {
  description = "Capacity of the table of ballots and of the recorders: mode is on_demand (with warm_writes) or provisioned (the others). Null is on demand, as AWS has it."
  type = object({
    mode           = optional(string, "on_demand")
    warm_writes    = optional(number)
    min_writes     = optional(number)
    max_writes     = optional(number)
    opening_writes = optional(number)
    min_workers    = optional(number)
    max_workers    = optional(number)
    drain_seconds  = optional(number)
  })
  default = null

  validation {
    condition     = var.capacity == null ? true : contains(["on_demand", "provisioned"], var.capacity.mode)
    error_message = "The mode of capacity is on_demand or provisioned."
  }
}

variable "expected_load" {
  description = "What is expected of the evening. Plans then warn of quotas that would not carry it, and the output cost tells what it costs."
  type = object({
    votes                 = number
    peak_votes_per_second = optional(number)
    duplicates            = optional(number)
    viewers               = optional(number)
    events_per_month      = optional(number)
  })
  default = null
}

variable "forecast" {
  description = "What comes when, to be played through at plan: arrivals as votes a second, and what the account has where that is not AWS's default."
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
  description = "Days after closing when DynamoDB begins to delete ballots and ledger. Null keeps them; the export stays either way."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null ? true : var.retention_days >= 1 && var.retention_days <= 3650
    error_message = "Ballots are kept for 1 to 3650 days, or for good with null."
  }
}

variable "export" {
  description = "The export of ballots and ledger: whether a KMS key signs it, and whether rows carry hashed identifiers or none."
  type = object({
    sign        = optional(bool, true)
    identifiers = optional(string, "hashed")
  })
  default = {}

  validation {
    condition     = contains(["hashed", "none"], var.export.identifiers)
    error_message = "The export's identifiers are hashed or none."
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
  description = "Whether to keep the deployed functions when the provider brings newer ones: true from the day before the show."
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
  description = "Whether a destroy may delete votes. What was applied last counts."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of every part, on top of the provider's default_tags."
  type        = map(string)
  default     = {}
}
