# By the system's name.
terraform import serverless_config.presale presale-dev
