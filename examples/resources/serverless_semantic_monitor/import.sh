# By the system's name.
terraform import serverless_semantic_monitor.orders orders
