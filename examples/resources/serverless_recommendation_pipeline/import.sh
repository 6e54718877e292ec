# By the system's name.
terraform import serverless_recommendation_pipeline.homes homes
