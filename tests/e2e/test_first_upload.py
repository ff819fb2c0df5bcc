"""The first request of a gateway's life is a large upload: it arrives before the upstream is connected."""

import http.client
from collections.abc import Iterator

from tests.processes import HOST, gateway, simulate

CONFIG = """
upstreams:
  hosted: {{base_url: "{hosted}", engine: openai, api_key: sk-upstream}}
passthrough: hosted
"""
BOUNDARY = "a-line-between"
FILE_BYTES = 8 * 1024 * 1024
HEAD = (
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()


def test_an_upload_that_waits_for_its_connection_goes_on_once_there_is_one() -> None:
    """What was held back while the upstream was being connected is let go, in either framing, every time."""
    with simulate("openai") as hosted:
        statuses = []
        for chunked in (False, True, False, True):
            with gateway(CONFIG.format(hosted=hosted.base_url)) as served:
                statuses.append(_upload(served.port, chunked=chunked))

    assert statuses == [200] * 4


def _upload(port: int, *, chunked: bool) -> int:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "authorization": "Bearer sk-any"}
    if not chunked:
        headers["content-length"] = str(len(HEAD) + FILE_BYTES + len(TAIL))
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("POST", "/v1/files", _pieces(), headers, encode_chunked=chunked)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _pieces() -> Iterator[bytes]:
    yield HEAD
    for _ in range(FILE_BYTES // 65_536):
        yield bytes(65_536)
    yield TAIL
