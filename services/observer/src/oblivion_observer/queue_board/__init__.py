"""Bull Board, in a Node process of its own: the one part of the observer that knows Redis."""

from pathlib import Path

BUILT = Path(__file__).parent / "built"
"""`make page` writes it; wheel and image carry it."""
PROGRAM = BUILT / "board.mjs"
