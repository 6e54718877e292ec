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
  description = "When the window opens, RFC 3339."
  type        = string
}

variable "closes_at" {
  description = "When the window closes, RFC 3339."
  type        = string
}

variable "ticket_public_key" {
  description = "Ed25519 public key, PEM: only votes with a ticket signed by its private key count. Null asks for no tickets."
  type        = string
  default     = null
}

variable "alarm_emails" {
  description = "Who is written to when an alarm rings."
  type        = set(string)
  default     = []
}

variable "hold_functions" {
  description = "True from the day before the show: no upgrade brings new code."
  type        = bool
  default     = false
}

variable "architecture" {
  description = "Processor architecture of the functions."
  type        = string
  default     = "arm64"
}

variable "force_destroy" {
  description = "Whether a destroy may delete votes."
  type        = bool
  default     = false
}
