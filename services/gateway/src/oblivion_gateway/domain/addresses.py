"""Where a request comes from, as far as our own proxies vouch for it."""

from ipaddress import AddressValueError, IPv6Address, IPv6Network

ADDRESS_LENGTH_MAX = 64
IPV6_PREFIX = 64
"""Who has one IPv6 address has, as a rule, all of its network."""


def address_of(peer: str | None, forwarded_for: str, proxies_in_front: int) -> str:
    """The caller's address: what our own outermost proxy saw, not what a caller claims.

    `forwarded_for` is X-Forwarded-For: each proxy adds whom it heard from at the end, some as a header of its
    own, so all of them joined. An IPv6 address stands for its network.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if proxies_in_front and len(hops) >= proxies_in_front:
        return _counted(hops[-proxies_in_front][:ADDRESS_LENGTH_MAX])
    return _counted(peer or "unknown")


def _counted(address: str) -> str:
    try:
        whole = IPv6Address(address)
    except AddressValueError:
        return address
    return str(whole.ipv4_mapped or IPv6Network((int(whole), IPV6_PREFIX), strict=False))
