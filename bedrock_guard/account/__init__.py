"""An AWS account, read through boto3. Nothing here writes."""
