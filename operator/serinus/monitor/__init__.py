"""Beside a model: counts what it is asked, what it answers, and the labels that come later. Runs without Pydantic."""
