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

variable "issuer" {
  description = "Address of who signs tokens, an OpenID provider."
  type        = string
}

variable "client_id" {
  description = "Id of the page among its clients, and the audience of its tokens."
  type        = string
}

variable "advertiser_secret_arn" {
  description = "ARN of the secret or parameter that the advertiser wants as Authorization."
  type        = string
}

variable "webhook_secret_arn" {
  description = "ARN of the secret or parameter with the key of the webhook."
  type        = string
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
