"""From exchanges to counts, and which of them a collector has."""
