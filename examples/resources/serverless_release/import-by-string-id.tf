import {
  to = serverless_release.arena
  id = "arena-prod"
}
