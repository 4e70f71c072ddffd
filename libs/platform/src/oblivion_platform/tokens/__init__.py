"""Signed tokens and the keys behind them, one set of keys for each tenant.

keys = TokenKeys(database, master_keys)
announcements.hear(CHANNEL, changed=keys.drop, unheard=keys.drop_all)
tokens = Tokens(keys, issuer="https://oblivion.example.com")
issued = await tokens.issue(tenant_id, f"agent:{agent_id}", "agent")
claims = await tokens.verify(issued.token)
"""

from oblivion_platform.tokens.errors import TokenRefused
from oblivion_platform.tokens.jwt import API_AUDIENCE, HUB_AUDIENCE, Claims, IssuedToken, Tokens
from oblivion_platform.tokens.keyring import CHANNEL, TokenKeys
from oblivion_platform.tokens.keys import Purpose, replace_keys, rotate_keys

__all__ = [
    "API_AUDIENCE",
    "CHANNEL",
    "HUB_AUDIENCE",
    "Claims",
    "IssuedToken",
    "Purpose",
    "TokenKeys",
    "TokenRefused",
    "Tokens",
    "replace_keys",
    "rotate_keys",
]
