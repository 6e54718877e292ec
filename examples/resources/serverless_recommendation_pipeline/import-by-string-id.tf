import {
  to = serverless_recommendation_pipeline.homes
  id = "homes"
}
