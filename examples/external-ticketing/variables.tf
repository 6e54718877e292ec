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

variable "opens_at" {
  description = "When the sale opens, RFC 3339."
  type        = string
}

variable "closes_at" {
  description = "When the sale closes, RFC 3339."
  type        = string
}

variable "architecture" {
  description = "Processor architecture of the functions."
  type        = string
  default     = "arm64"
}

variable "force_destroy" {
  description = "Whether a destroy may delete what is known of fans."
  type        = bool
  default     = false
}
