resource "serverless_release" "arena" {
  name     = "arena-prod"
  pipeline = "1024"
  commit   = "5f2c1d7"

  # Mostly the outputs function_arns, function_versions and functions_sha256 of
  # a system that has go_live = "release".
  systems = {
    queue = {
      aliases = {
        join = "arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-join-euc1:live"
        turn = "arn:aws:lambda:eu-central-1:123456789012:function:arena-queue-turn-euc1:live"
      }
      versions = { join = "7", turn = "4" }
      digest   = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    }
  }

  canary = {
    percent = 10
    minutes = 15
    alarms  = ["arena-queue-dead-letters-present-euc1"]
  }
}
