import {
  to = serverless_semantic_monitor.orders
  id = "orders"
}
