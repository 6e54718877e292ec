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

variable "third_party_url" {
  description = "Where the data of booked segments is sent; {booking} stands for the booking's id. Null takes no bookings."
  type        = string
  default     = null
}

variable "third_party_secret_arn" {
  description = "ARN of the secret or parameter with what the third party wants as Authorization."
  type        = string
  default     = null
}

variable "api_keys_arn" {
  description = "ARN of the secret or parameter with the digests of the API's keys. Null makes neither API nor page."
  type        = string
  default     = null
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
