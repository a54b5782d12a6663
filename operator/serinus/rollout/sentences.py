"""The parts of the sentences that the rules say to people. Used by all of them."""

from serinus.rollout.view import RevisionView, View


def count(revision: RevisionView) -> str:
    """Return how many pods a revision has."""
    if revision.pods is None:
        return "no pods yet"
    return f"{revision.ready} of {revision.wanted} pods ready"


def failure(revision: RevisionView) -> str:
    """Return why a pod of a revision is not ready, to be put after its count."""
    return f"; {revision.pods.failure}" if revision.pods and revision.pods.failure else ""


def meanwhile(view: View) -> str:
    """Return who serves while the asked revision does not."""
    serving = view.incumbent
    if not serving.ready:
        return f"{serving} has no ready pod either" if view.stable else "no revision serves until they are ready"
    if serving.revision == view.asked.revision:
        return "it serves with those that are"
    return f"{serving} goes on serving"
