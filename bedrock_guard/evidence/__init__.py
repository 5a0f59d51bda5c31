"""Tables in, findings out: pure functions over DataFrames; nothing here fetches."""
