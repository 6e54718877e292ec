# By the system's name.
terraform import serverless_voting_window.final tv-final
