"""The operator process: Kopf brings events, a queue and workers reconcile, a small server shows how it does."""
