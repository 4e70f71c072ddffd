import pytest

from oblivion_gateway.domain.addresses import address_of


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::ffff", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_address_stands_for_its_network(address: str, counted: str) -> None:
    assert address_of(address, "", 0) == counted
    assert address_of("10.0.0.1", f"6.6.6.6, {address}", 1) == counted
