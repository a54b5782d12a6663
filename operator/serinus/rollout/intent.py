"""What the rules decide. Made by rules.py and canary.py, carried out by way of plan.py, told by report.py."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from serinus.api.modeldeployment import Step
from serinus.api.modelrelease import Attempt
from serinus.api.reasons import Reason
from serinus.rollout.view import EVERYTHING, View


class Stage(Enum):
    """How far what is lies from what is asked for."""

    SETTLED = "settled"
    """What is asked for is so."""
    MOVING = "moving"
    """It will be so without anybody's help."""
    PAUSED = "paused"
    """It will be so when somebody lets it go on."""
    STUCK = "stuck"
    """It will not be so unless somebody does something."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What to do now, and what to say about it."""

    serve: str
    """The revision that is to answer at the model's address, or EVERY, or NOBODY."""
    stage: Stage
    reason: Reason
    message: str
    capacity: Step | None = EVERYTHING
    """The step that the asked revision must have pods for; None where it is to have none."""
    attempt: Attempt | None = None
    """What to record of the asked revision's attempt, before anything else is done."""
    promote: bool = False
    """Whether to record that the served revision is the stable one from now on."""
    wake_at: datetime | None = None
    """When to look again though nothing happened."""

    @property
    def is_to_record(self) -> bool:
        """Whether something is to be recorded first; then the View is another, and the rules are asked again."""
        return self.promote or self.attempt is not None


Rule = Callable[[View], Intent | None]
