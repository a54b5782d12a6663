"""Every name the operator gives: group, labels, annotations, children. Used by all other packages."""

from typing import Final

GROUP: Final = "serinus.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FIELD_MANAGER: Final = "serinus"
HANDOVER_MANAGER: Final = "serinus-handover"
"""Holds a Deployment's replicas from the moment we let go of them until an autoscaler takes them."""

LABEL_DEPLOYMENT: Final = f"{GROUP}/deployment"
LABEL_REVISION: Final = f"{GROUP}/revision"
ANNOTATION_INTENT: Final = f"{GROUP}/intent"
ANNOTATION_VERSION: Final = f"{GROUP}/model-version"
ANNOTATION_CONSENT: Final = f"{GROUP}/allow-takeover"
"""On a user's Service: the ModelDeployment that may take it over."""
ANNOTATION_BEFORE: Final = f"{GROUP}/before-takeover"
"""On a Service that was taken over: what it was before."""

RESERVED_PREFIX: Final = f"{GROUP}/"
RESERVED_CONTAINER_PREFIX: Final = "serinus-"

REVISION_LENGTH: Final = 10
MAX_NAME_LENGTH: Final = 63 - 1 - REVISION_LENGTH
"""A child is `<name>-<revision>`, and a Service's name holds 63 characters."""


def child_name(name: str, revision: str) -> str:
    """Return the name of a revision's Deployment, Service, HPA, PDB and ModelRelease."""
    return f"{name}-{revision}"
