"""The monitor in the model's own process."""
