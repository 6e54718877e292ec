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

variable "partner_url" {
  description = "Where a booked suburb's homes are sent; {segment} in it stands for the suburb's id."
  type        = string
}

variable "partner_secret_arn" {
  description = "ARN of the secret with the partner's Authorization header."
  type        = string
}

variable "webhook_url" {
  description = "Who is told how a booking ended."
  type        = string
}

variable "webhook_secret_arn" {
  description = "ARN of the secret with the key of the webhook's signature."
  type        = string
}

variable "issuer" {
  description = "Who signs readers in, as in the claim iss of its tokens."
  type        = string
}

variable "client_id" {
  description = "The page's client id with the issuer."
  type        = string
}

variable "alarm_emails" {
  description = "Who is told when an alarm rings."
  type        = list(string)
  default     = []
}

variable "architecture" {
  description = "Processor architecture of the functions."
  type        = string
  default     = "arm64"
}

variable "force_destroy" {
  description = "Whether a destroy may delete uploads, items and bookings."
  type        = bool
  default     = false
}
