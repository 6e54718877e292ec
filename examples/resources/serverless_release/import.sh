# By the system's name.
terraform import serverless_release.arena arena-prod
