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

variable "min_size" {
  description = "How many places a country has at least to be a segment."
  type        = number
  default     = 10
}

variable "architecture" {
  description = "Processor architecture of the functions."
  type        = string
  default     = "arm64"
}

variable "force_destroy" {
  description = "Whether a destroy may delete uploads and items."
  type        = bool
  default     = false
}
