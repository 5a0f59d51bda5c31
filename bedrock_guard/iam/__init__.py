"""The IAM language: read, decide, explain, simulate, lint and compare policies. Pure; nothing about Bedrock."""
