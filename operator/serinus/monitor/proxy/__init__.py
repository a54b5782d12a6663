"""The proxy beside a model: HAProxy, and how it signs, keeps and tells."""
