"""Kubernetes objects from decisions. Pure: the same input gives the same bytes, for ever."""
