from collections.abc import Iterator

import pytest

from .served import Served, TableSession, served_console


@pytest.fixture(scope="package")
def server() -> Iterator[Served]:
    with served_console() as served:
        yield served


@pytest.fixture()
def console(server: Served) -> Served:
    """The one server, with nothing heard yet."""
    TableSession.__init__(server.session)
    return server
