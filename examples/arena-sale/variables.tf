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

variable "comes_from" {
  description = "From when on fans may come, RFC 3339."
  type        = string
}

variable "semi_comes_from" {
  description = "The same for the semi-final."
  type        = string
}

variable "semi_opens_at" {
  description = "When the semi-final's sale opens, RFC 3339."
  type        = string
}

variable "semi_closes_at" {
  description = "When the semi-final's sale closes, RFC 3339."
  type        = string
}

variable "codes" {
  description = "File with the members' codes, one a line."
  type        = string
  default     = "codes.txt"
}

variable "alarm_emails" {
  description = "E-mail addresses that alarms write to."
  type        = set(string)
  default     = []
}

variable "hold_functions" {
  description = "Whether to keep the deployed functions: true from the day before."
  type        = bool
  default     = false
}

variable "pipeline" {
  description = "The pipeline's run that deploys this. With it, functions go live by a canary; null lets the apply put them live."
  type        = string
  default     = null
}

variable "commit" {
  description = "The commit that it deploys."
  type        = string
  default     = ""
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
