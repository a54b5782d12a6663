"""What to do about a ModelDeployment, decided from what is seen. Pure: no network, clock, randomness or log."""
