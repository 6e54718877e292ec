# What the environment for tests has proven, for the one that people use.
data "serverless_release_history" "test" {
  name = "arena-test"
}

# For the argument tested of the other environment's serverless_release.
output "tested" {
  value = data.serverless_release_history.test.proven_digests
}

output "live" {
  value = data.serverless_release_history.test.live
}
