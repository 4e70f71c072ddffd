"""Where a request comes from, as far as our own proxies vouch for it."""

ADDRESS_LENGTH_MAX = 64


def address_of(peer: str | None, forwarded_for: str, proxies_in_front: int) -> str:
    """The caller's address: what our own outermost proxy saw, not what a caller claims.

    `forwarded_for` is X-Forwarded-For: each proxy adds whom it heard from at the end, some as a header of its
    own, so all of them joined.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if proxies_in_front and len(hops) >= proxies_in_front:
        return hops[-proxies_in_front][:ADDRESS_LENGTH_MAX]
    return peer or "unknown"
