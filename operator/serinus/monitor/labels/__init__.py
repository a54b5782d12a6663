"""The truth that comes later: whose it is, when it counts, and what it says of a prediction."""
