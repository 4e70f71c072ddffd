"""How we treat what is slow, limited or away: breakers, retries, budgets, backoff."""

from oblivion_platform.resilience.backoff import HTTP_BACKOFF, Backoff
from oblivion_platform.resilience.breaker import Breakers
from oblivion_platform.resilience.budget import Budget, Rate
from oblivion_platform.resilience.retries import with_retries

__all__ = ["HTTP_BACKOFF", "Backoff", "Breakers", "Budget", "Rate", "with_retries"]
