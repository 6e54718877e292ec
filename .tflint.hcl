# The rules for Terraform's language, which tflint brings with itself.
plugin "terraform" {
  enabled = true
  preset  = "recommended"
}

# The provider's name and version stand in whole configurations; the snippets
# of the reference have a provider block of the reader's own.
rule "terraform_required_version" {
  enabled = false
}

rule "terraform_required_providers" {
  enabled = false
}
