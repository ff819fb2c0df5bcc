"""Fingerprints: which requests and call sites are the same, without a word of what they say.

All are keyed with the state's hash key, so that nobody without it can try texts out. They cost the request path next to
nothing: long bodies are read at both ends only, and prompts, tools and schemas, which repeat, are remembered.

Source: keyed BLAKE2b, RFC 7693; SHA-256 with the key put first where speed counts most (processors have instructions
for it). Putting the key first is no general MAC, but here nobody who sees a fingerprint may extend the text.
"""

from functools import lru_cache
from hashlib import blake2b, sha256
from typing import NamedTuple

from offramp.wire.request import canonical

WHOLE_BYTES = 4096
"""Bodies up to this length are hashed whole, longer ones by their length and their two ends."""
START_BYTES = 1024
END_BYTES = 3072
REQUEST_HASH_BYTES = 16
PART_HASH_BYTES = 8
MEMO_PROMPTS = 512
"""Sets of system prompt, tools and schema that are remembered; the same few come with nearly every request."""
MEMO_TENANTS = 4096
MEMO_PART_BYTES = 64 * 1024
"""Longer parts are hashed anew each time, so that the memory stays bounded."""


class Site(NamedTuple):
    """Fingerprints of what makes a call site."""

    site: bytes
    """8 bytes; empty for none."""
    system: bytes
    """Of the system prompt, 8 bytes; empty without one."""


NO_SITE = Site(b"", b"")


def request_hash(tenant: bytes, body: bytes) -> bytes:
    """Tells the same request of the same tenant again (16 bytes).

    Args:
        tenant: The tenant's own key, see `tenant_key`.
        body: As the client sent it.
    """
    if len(body) > WHOLE_BYTES:
        body = b"%d\n%b%b" % (len(body), body[:START_BYTES], body[-END_BYTES:])
    return sha256(tenant + body).digest()[:REQUEST_HASH_BYTES]


@lru_cache(maxsize=MEMO_TENANTS)
def tenant_key(key: bytes, tenant: bytes) -> bytes:
    """A key of a tenant's own, so that two tenants' equal requests do not look alike (32 bytes)."""
    return blake2b(tenant, digest_size=32, key=key, person=b"tenant").digest()


def cache_key(key: bytes, tenant: bytes, route: str, body: bytes) -> bytes:
    """Under which an answer is kept: tenant, route and every byte of the request (32 bytes)."""
    digest = blake2b(key=key, digest_size=32, person=b"cache")
    for part in (tenant, route.encode()):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    digest.update(body)
    return digest.digest()


def site_of(key: bytes, parts: tuple[bytes, bytes, bytes]) -> Site:
    """The call site by system prompt, tool names and response schema, each in canonical form."""
    if not any(parts):
        return NO_SITE
    if len(parts[0]) + len(parts[1]) + len(parts[2]) > MEMO_PART_BYTES:
        return _site_of(key, parts)
    return _remembered_site_of(key, parts)


def _site_of(key: bytes, parts: tuple[bytes, bytes, bytes]) -> Site:
    hashes = [_part_hash(key, part) for part in parts]
    joined = b"".join(part.ljust(PART_HASH_BYTES, b"\0") for part in hashes)
    return Site(blake2b(joined, digest_size=PART_HASH_BYTES, key=key).digest(), hashes[0])


_remembered_site_of = lru_cache(maxsize=MEMO_PROMPTS)(_site_of)


def _part_hash(key: bytes, part: bytes) -> bytes:
    return blake2b(canonical(part), digest_size=PART_HASH_BYTES, key=key).digest() if part else b""


@lru_cache(maxsize=MEMO_PROMPTS)
def named_site(key: bytes, header: bytes) -> bytes:
    """The call site by its name in `x-offramp-site` (8 bytes)."""
    return blake2b(header, digest_size=PART_HASH_BYTES, key=key, person=b"site").digest()
