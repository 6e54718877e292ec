terraform {
  required_version = ">= 1.6"

  required_providers {
    serverless = {
      source = "burstline/serverless"
    }
  }
}
