"""The governance choice and the documents made from it."""
