variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "endpoint" {
  description = "URL of a local AWS; null for AWS itself."
  type        = string
  default     = null
}

variable "bucket" {
  description = "Name of the bucket with the uploads."
  type        = string
}

variable "bucket_key_arn" {
  description = "ARN of the KMS key that encrypts it; null where it has none of its own."
  type        = string
  default     = null
}

variable "alarm_emails" {
  description = "E-mail addresses that alarms write to."
  type        = set(string)
  default     = []
}

variable "architecture" {
  description = "Processor architecture of the functions."
  type        = string
  default     = "arm64"
}

variable "force_destroy" {
  description = "Whether a destroy may delete items."
  type        = bool
  default     = false
}
