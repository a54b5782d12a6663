"""The monitor's port: /metrics for people, /evidence for the operator."""
