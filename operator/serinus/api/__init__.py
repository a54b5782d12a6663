"""The kinds of serinus.dev: what users write, what the operator reports, and the CRDs made from both."""
