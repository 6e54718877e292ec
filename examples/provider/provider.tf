terraform {
  required_providers {
    serverless = {
      source = "burstline/serverless"
    }
  }
}

provider "serverless" {
  region = "eu-central-1"

  default_tags {
    tags = {
      team = "shows"
    }
  }
}
