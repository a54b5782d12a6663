"""The closed list of reasons that conditions and Events carry. Tools and alerts may rely on each of them."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a condition is as it is."""

    SERVING = "Serving"
    """The asked revision serves at full size."""
    SCALED_TO_ZERO = "ScaledToZero"
    """No replicas are asked for; nothing serves and nothing starts."""
    PODS_NOT_READY = "PodsNotReady"
    """Pods are starting, or fewer are ready than asked for."""
    PODS_FAILING = "PodsFailing"
    """A container fails; the message has its own reason."""
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    """A new revision's pods are starting; the stable one serves."""
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    """A revision was not ready within `rollout.progressDeadlineSeconds`."""
    NAME_CONFLICT = "NameConflict"
    """An object of somebody else has a name that we need."""
    RENDER_FAILED = "RenderFailed"
    """The spec cannot be turned into valid objects."""
    REQUEST_REFUSED = "RequestRefused"
    """The API server refuses an object for now, for example by a quota."""
    NO_READY_PODS = "NoReadyPods"
    """Nothing answers at the model's address."""
