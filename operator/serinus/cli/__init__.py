"""kubectl serinus: what a person asks at the terminal."""
