# By the system's name.
terraform import serverless_queue.arena arena
