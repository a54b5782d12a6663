"""Receipts, and the keys and tokens that they are signed and opened with."""
