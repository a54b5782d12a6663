"""What the training data looked like: bins, reference counts and the data contract."""
