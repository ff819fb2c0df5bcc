"""Which call site caused which traffic: surely by header or fingerprint, else by a guess that is marked as one."""

from dataclasses import replace

from offramp.migrate.audit.callsites import CallSites, Match, ScanSite, Traffic, join
from offramp.migrate.audit.groups import Group
from offramp.migrate.ledger.query import Sums
from offramp.store.fingerprint import named_site
from offramp.wire.features import Feature

KEY = b"k" * 32


def traffic(requests: int = 1, **changes: object) -> Traffic:
    """Chat traffic without a header."""
    plain = Traffic(
        site=b"\x01" * 8,
        site_named=False,
        operation="chat.completions",
        model="gpt-4o",
        features=int(Feature.STREAMING),
        group=Group(Sums(requests=requests)),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def site(name: str, **changes: object) -> ScanSite:
    """A call site whose shape is that of `traffic`."""
    shape: dict[str, object] = {"operation": "chat.completions", "model": "gpt-4o", "features": ("streaming",)}
    return ScanSite(id=name, file=f"{name}.py", line=1, **(shape | changes))  # type: ignore[arg-type]


def matches(found: CallSites) -> dict[str, tuple[Match | None, int]]:
    return {one.site.id: (one.match, one.group.requests) for one in found.seen}


def test_a_header_is_the_surest_sign() -> None:
    """It says who calls, whatever the request looks like."""
    named = traffic(5, site=named_site(KEY, b"checkout"), site_named=True, model="other", operation="responses")
    found = join([site("a", site_header="checkout"), site("b")], [named, traffic()], hash_key=KEY)

    assert matches(found) == {"a": (Match.HEADER, 5), "b": (Match.SHAPE, 1)}


def test_the_scan_may_have_hashed_the_header_itself() -> None:
    """Then no key is needed here."""
    hashed = named_site(KEY, b"checkout")
    found = join(
        [site("a", site_header="checkout", fingerprint=hashed.hex())],
        [traffic(site=hashed, site_named=True)],
        hash_key=None,
    )

    assert matches(found) == {"a": (Match.HEADER, 1)}


def test_a_fingerprint_comes_before_a_guess() -> None:
    """Two call sites with one shape are told apart by their prompts."""
    sites = [site("a", fingerprint="01" * 8), site("b", fingerprint="02" * 8)]
    found = join(sites, [traffic(3), traffic(4, site=b"\x02" * 8)], hash_key=KEY)

    assert matches(found) == {"a": (Match.FINGERPRINT, 3), "b": (Match.FINGERPRINT, 4)}


def test_what_would_have_been_recognised_is_not_guessed() -> None:
    """A call site with a known prompt that did not come is never seen, even if something looks like it."""
    sites = [site("a", fingerprint="01" * 8), site("b", fingerprint="02" * 8)]
    found = join(sites, [traffic(), traffic(7, site=b"\x09" * 8)], hash_key=KEY)

    assert [one.id for one in found.never_seen] == ["b"]
    assert [piece.group.requests for piece in found.unknown] == [7]


def test_fingerprints_of_another_key_do_not_rule_anything_out() -> None:
    """A scan on a laptop without the state's key knows shapes only."""
    found = join([site("a", fingerprint="0f" * 8)], [traffic()], hash_key=KEY)

    assert matches(found) == {"a": (Match.SHAPE, 1)}


def test_the_closest_shape_wins() -> None:
    """What the code asks for must be in the traffic; the fewest others decide; a literal model beats a variable."""
    sites = [
        site("plain", features=()),
        site("tools", features=("streaming", "tools")),
        site("any", model=None),
        site("other", model="gpt-4o-mini"),
    ]
    tools = int(Feature.STREAMING | Feature.TOOLS | Feature.USAGE_ASKED)
    found = join(sites, [traffic(1, features=tools), traffic(2, features=0), traffic(3, model="o3")], hash_key=KEY)

    assert matches(found) == {"any": (Match.SHAPE, 3), "plain": (Match.SHAPE, 2), "tools": (Match.SHAPE, 1)}
    assert [one.id for one in found.never_seen] == ["other"]
    assert found.seen[2].by_feature == {"streaming": 1, "tools": 1, "usage_asked": 1}


def test_what_fits_two_alike_is_given_to_neither() -> None:
    """A guess that is as good as another is no knowledge, but neither is `never seen`."""
    found = join([site("a"), site("b"), site("c", operation="embeddings")], [traffic(4), traffic(5)], hash_key=KEY)

    assert [(one.sites, one.group.requests) for one in found.undecided] == [(("a", "b"), 9)]
    assert [one.id for one in found.never_seen] == ["c"]
    assert found.seen == []


def test_traffic_of_no_call_site_is_told() -> None:
    """Somebody calls whom the scan did not see."""
    found = join([site("a")], [traffic(2, operation="responses")], hash_key=None)

    assert [piece.operation for piece in found.unknown] == ["responses"]


def test_a_scan_may_say_anything() -> None:
    """Words that are no features, fingerprints that are no digits."""
    odd = site("a", features=("telepathy",), fingerprint="not hexadecimal", operation="assistants")

    assert join([odd], [traffic()], hash_key=KEY).never_seen == [odd]
