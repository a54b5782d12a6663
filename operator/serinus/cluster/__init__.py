"""The API server as the operator sees it: client, credentials, cache, Events, Lease."""
