output "page_url" {
  description = "Address of the page, for fans."
  value       = serverless_queue.hall.page_url
}

output "line_queue_url" {
  description = "Where the shop takes fans from, in their order."
  value       = serverless_queue.hall.line_queue_url
}

output "service_url" {
  description = "Where the shop assigns seats and frees windows, signed by IAM."
  value       = serverless_queue.hall.service_url
}

output "shop_policy_json" {
  description = "IAM policy of the shop."
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
        Resource = serverless_queue.hall.line_queue_arn
      },
      {
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
        Resource = serverless_queue.hall.function_arns["service"]
      },
    ]
  })
}
