"""Who may talk to the console: a real server, asked the way foreign pages and foreign names would."""

import socket

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

FOREIGN = ["http://evil.example", "null", "http://127.0.0.1:1", "https://{host}", "http://{host}.evil.example", ""]


@pytest.mark.parametrize("name", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
@pytest.mark.parametrize("path", ["/", "/api/status", "/healthz", "/camera/ego.jpg", "/static/console.js"])
def test_a_foreign_host_is_refused_on_every_path(console, name, path):
    port = console.host.split(":")[1]
    answer = httpx.get(console.url + path, headers={"Host": name.format(port=port)})
    assert answer.status_code in (400, 403)


def test_localhost_with_the_port_is_ours(console):
    port = console.host.split(":")[1]
    assert httpx.get(console.url, headers={"Host": f"LocalHost:{port}"}).status_code == 200


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_a_command_from_a_foreign_page_never_reaches_control(console, origin):
    headers = {"X-Rove": "1"} | ({} if origin is None else {"Origin": origin.format(host=console.host)})
    answer = httpx.post(f"{console.url}/api/command/pause", headers=headers)
    assert answer.status_code == 403
    assert "origin" in answer.json()["message"]
    assert console.session.asked == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_and_preflights_of_foreign_pages_are_refused(console, method):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.request(method, f"{console.url}/api/command/pause", headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_a_websocket_of_a_foreign_page_is_closed_before_it_opens(console, origin):
    wanted = None if origin is None else origin.format(host=console.host)
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{console.host}/ws", origin=wanted):
        pass
    assert refused.value.response.status_code == 403


def test_a_websocket_under_a_foreign_name_is_refused(console):
    """DNS rebinding: the page's name and the Host agree with each other, but not with us."""
    port = int(console.host.split(":")[1])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(5)
        name = f"evil.example:{port}"
        raw.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {name}\r\nOrigin: http://{name}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("body", [{"content": b"x" * 1025}, {"content": iter([b"chunk"])}])
def test_bodies_are_small_and_say_their_length(console, body):
    answer = httpx.post(f"{console.url}/api/command/pause", headers=console.page, **body)
    assert answer.status_code == 413
    assert console.session.asked == []


def test_pages_carry_the_headers_that_keep_others_out(console):
    headers = httpx.get(console.url).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
