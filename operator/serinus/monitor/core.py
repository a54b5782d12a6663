"""What counts for one model in one process, beside the ring that feeds it or the middleware. Made by parts.py."""

import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from serinus.monitor.counts.counting import Counting
from serinus.monitor.counts.ledger import Ledger
from serinus.monitor.exchange import Exchange
from serinus.monitor.logs import described
from serinus.monitor.profiles.profile import Profile, ProfileError, read_profile
from serinus.monitor.protocols.choice import decoder_for
from serinus.monitor.serving import Serving

logger = logging.getLogger(__name__)


class ProfileState(StrEnum):
    """Whether features are binned as the profile says. Where they are not, bins.py says how."""

    NONE = "None"
    """None is asked for."""
    LOADED = "Loaded"
    MISSING = "Missing"
    REFUSED = "Refused"
    """Edited, or of another version."""


class Core:
    """The counts of one model, and what has to be said beside them."""

    def __init__(self, serving: Serving, profile_file: Path, boot: str, clock: Callable[[], float]) -> None:
        self.serving = serving
        self.boot = boot
        self.faults = 0
        """Exchanges that were not counted, signed or checked since we have a bug."""
        self.profile_state, self.profile = _load(serving.profile, profile_file)
        self.ledger = Ledger(boot)
        names = tuple(feature.name for feature in self.profile.features) if self.profile else ()
        self.decoder = decoder_for(serving, names)
        self.counting = Counting(serving, self.profile, self.decoder, self.ledger, clock)

    def count(self, exchange: Exchange) -> None:
        """Count an exchange; whatever happens, the next one is counted, too."""
        try:
            self.counting.count(exchange)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the watch
            self.broke(error)

    def broke(self, error: Exception) -> None:
        """Note that a bug of ours kept an exchange from being counted, signed or checked."""
        self.faults += 1
        if self.faults & (self.faults - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...: a flood fills no log
            logger.error(
                "a request could not be counted, signed or checked: this is a bug of Serinus",
                extra=described(error) | {"so far": self.faults},
            )


def _load(name: str | None, file: Path) -> tuple[ProfileState, Profile | None]:
    if name is None:
        return ProfileState.NONE, None
    try:
        return ProfileState.LOADED, read_profile(file.read_bytes(), name)
    except OSError as error:
        logger.error("profile %s is not there: features are counted without it", name, extra={"error": str(error)})  # noqa: TRY400 - expected
        return ProfileState.MISSING, None
    except ProfileError as error:
        logger.error("%s", error)  # noqa: TRY400 - it says what to do
        return ProfileState.REFUSED, None
