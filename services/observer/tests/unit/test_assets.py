from oblivion_observer.domain.assets import ASK_AGAIN, FOR_EVER, Asset, cache_rule

ASSET = Asset("text/javascript", {"identity": b"plain", "br": b"b", "gzip": b"gz"}, '"1"')


def test_the_smallest_body_that_the_browser_reads_is_taken():
    assert ASSET.best_for("gzip, deflate, br, zstd") == ("br", b"b")
    assert ASSET.best_for("gzip;q=1.0, br;q=0") == ("gzip", b"gz")
    assert ASSET.best_for("") == ("identity", b"plain")


def test_a_file_that_was_not_packed_is_sent_as_it_is():
    assert Asset("image/png", {"identity": b"x"}, '"2"').best_for("br") == ("identity", b"x")


def test_only_names_that_carry_a_hash_are_kept_for_ever():
    assert cache_rule("assets/index-abc123.js") == FOR_EVER
    assert cache_rule("index.html") == ASK_AGAIN
    assert cache_rule("scheme.js") == ASK_AGAIN
