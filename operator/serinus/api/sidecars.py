"""What the operator, the sidecars and the middleware must agree on: ports, paths, files, headers. Without Pydantic."""

from typing import Final

PROXY_PORT: Final = 15080
"""Takes the requests of the Service's clients and passes them to the model."""
MONITOR_PORT: Final = 15090
"""Of the pod only: /metrics, /evidence, /healthz, and labels that other pods of the model hand over."""
RING_PORT: Final = 15091
"""On loopback: the records of the proxy, for the monitor."""
HEALTH_PORT: Final = 15021
"""Whether the proxy is ready to pass requests on."""

HEADER_RECEIPT: Final = "x-serinus-receipt"
"""On an answer: who later knows the truth sends it back with the label."""
HEADER_SPLIT: Final = "x-serinus-split"
"""On a request: the stamp `<split>-<nonce>` of the rule that split the traffic."""

PATH_FEEDBACK: Final = "/serinus/feedback"
"""At the model's address: labels."""
PATH_LABELS: Final = "/serinus/labels"
"""At the monitor's port: labels that another pod of the model was given and this one has to count."""
PATH_EVIDENCE: Final = "/evidence"
"""At the monitor's port: what was counted since the last look."""

SERVING: Final = "SERINUS_SERVING"
"""The variable that tells sidecars and middleware what they serve, see serinus.monitor.serving."""
POD_ADDRESS: Final = "SERINUS_POD_IP"
POD_NAME: Final = "SERINUS_POD_NAME"
KEYS_SECRET: Final = "serinus-keys"  # noqa: S105 - its name
"""A namespace's Secret: `current` is the id of the key that signs new receipts, `key-<id>` are the keys, `token` opens
/evidence."""
KEYS_FOLDER: Final = "/etc/serinus/keys"
"""Where it is mounted."""
FEEDBACK_TOKEN: Final = "/etc/serinus/feedback/token"  # noqa: S105 - where it is, not what it is
"""The bearer token of the model's feedback."""
PROFILE_FILE: Final = "/etc/serinus/profile/profile.json"
