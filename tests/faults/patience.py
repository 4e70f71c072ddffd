"""What was seen of runs while parts died: waits that were too long, and fences that fell."""

from collections.abc import Collection


class Patience:
    """Who waits how long without interruption, and whose fence has fallen."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._since: dict[str, float] = {}
        self._fences: dict[str, int] = {}
        self.stuck: dict[str, float] = {}
        """Run → the longest wait, in seconds, of those that were too long."""
        self.fallen: list[str] = []
        self.looks = 0
        """At a moment when all were there."""

    def see(self, now_s: float, waiting: Collection[str]) -> None:
        """All that would be needed is there, and these runs wait nevertheless."""
        self.looks += 1
        self._since = {run: self._since.get(run, now_s) for run in waiting}
        for run, since in self._since.items():
            if now_s - since > self._longest_s:
                self.stuck[run] = now_s - since

    def excuse(self) -> None:
        """Something that is needed is not there: all begin to wait anew."""
        self._since.clear()

    def see_fence(self, run: str, fence: int) -> None:
        if fence < self._fences.get(run, 0):
            self.fallen.append(f"run {run}: its fence falls from {self._fences[run]} to {fence}")
        self._fences[run] = fence
