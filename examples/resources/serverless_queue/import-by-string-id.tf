import {
  to = serverless_queue.arena
  id = "arena"
}
