import {
  to = serverless_voting_window.final
  id = "tv-final"
}
