import {
  to = serverless_config.presale
  id = "presale-dev"
}
