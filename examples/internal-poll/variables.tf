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

variable "issuer" {
  description = "Issuer of the sign-in's tokens: its OpenID configuration is below /.well-known."
  type        = string
}

variable "client_id" {
  description = "Client id of the poll with that issuer. The page's address must be one of its redirect URIs."
  type        = string
}

variable "voters" {
  description = "File with the e-mail addresses of those who may vote, one a line."
  type        = string
  default     = "voters.txt"
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
