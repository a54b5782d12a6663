"""Bodies as they pass through the middleware: kept whole, or the end of a stream, and within bounds. For calls.py."""

from typing import Final

from serinus.monitor.protocols.bodies import LARGEST_BODY

END_OF_STREAM: Final = 64 * 1024
EVENT: Final = b"\ndata:"


class Kept:
    """A body that is kept until it is too large. Then it is told by its size alone."""

    def __init__(self, expected: int | None = None) -> None:
        self.size = 0
        self.ended = False
        self._expected = expected
        self._pieces: list[bytes] = []

    @property
    def fits(self) -> bool:
        """Whether all that came was kept."""
        return self.size <= LARGEST_BODY

    @property
    def body(self) -> bytes | None:
        """All of it, if it is whole and was kept."""
        return b"".join(self._pieces) if self.ended and self.fits else None

    def add(self, piece: bytes, *, more: bool) -> None:
        """Note a piece that passes."""
        self.size += len(piece)
        self.ended = not more or self.size == self._expected
        if piece:
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        if self.fits:
            self._pieces.append(piece)
        else:
            self._pieces.clear()


class KeptStream(Kept):
    """The last events of a stream: there stands why it ended."""

    def __init__(self) -> None:
        super().__init__()
        self._end = bytearray()
        self._is_cut = False

    @property
    def body(self) -> bytes | None:
        """Its last whole events."""
        if not self.ended:
            return None
        if not self._is_cut:
            return bytes(self._end)
        first = self._end.find(EVENT)
        return bytes(self._end[first + 1 :]) if first >= 0 else None

    def _keep(self, piece: bytes) -> None:
        self._end += piece
        if len(self._end) > 2 * END_OF_STREAM:  # not at each piece: that would move all the rest
            del self._end[:-END_OF_STREAM]
            self._is_cut = True
