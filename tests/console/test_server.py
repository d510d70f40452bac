"""Where the console listens: loopback, or nowhere."""

import socket

import pytest

from rove_teleop.console import address_of, host_names, loopback_socket
from rove_teleop.errors import UsageError


# Addresses to be refused; nothing is bound to them.
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "10.0.0.1", "fe80::1"])
def test_every_other_address_is_refused_with_the_way_to_do_it(host):
    with pytest.raises(UsageError, match="ssh -L"):
        loopback_socket(host, 0)


@pytest.mark.parametrize("host", ["", "example.org", "127.0.0.1.evil.example", "127.1", "lab-robot"])
def test_names_are_not_looked_up(host):
    with pytest.raises(UsageError, match="loopback address"):
        loopback_socket(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_port_zero_is_a_free_port_and_the_address_says_it(host):
    with loopback_socket(host, 0) as listener:
        address, port = listener.getsockname()
        assert port > 0
        assert address_of(listener) == f"http://{address}:{port}"
        assert host_names(listener) == (f"localhost:{port}", f"{address}:{port}")


def test_version_six():
    try:
        listener = loopback_socket("::1", 0)
    except UsageError:
        # Kernels may be built or started without IPv6, and nothing here can add it.
        pytest.skip("this machine has no IPv6 loopback")
    with listener:
        assert address_of(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_a_taken_port_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"--port {port}"):
            loopback_socket("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none_is_one_sentence(port):
    with pytest.raises(UsageError, match=f"--port {port}"):
        loopback_socket("127.0.0.1", port)
