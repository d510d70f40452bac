"""The certificate and the code of the headset's page: kept, renewed, and readable by nobody else."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from rove_teleop.clock import wall_time_s
from rove_teleop.console import lan, tls
from rove_teleop.errors import UsageError

LAN = ("192.168.1.20", "10.0.0.5")


def test_the_certificate_names_every_address_and_is_one_that_browsers_take(tmp_path: Path):
    path = tls.headset_certificate(tmp_path, LAN)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == {*LAN, "127.0.0.1"}
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    now = datetime.fromtimestamp(wall_time_s(), UTC)
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc < timedelta(days=398)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)


def test_it_is_kept_while_it_fits_and_made_anew_when_an_address_is_missing(tmp_path: Path):
    first = tls.headset_certificate(tmp_path, LAN).read_bytes()
    assert tls.headset_certificate(tmp_path, LAN[:1]).read_bytes() == first
    assert tls.headset_certificate(tmp_path, (*LAN, "172.16.0.9")).read_bytes() != first


def test_it_is_made_anew_before_it_ends(tmp_path: Path, monkeypatch):
    first = tls.headset_certificate(tmp_path, LAN).read_bytes()
    later_s = wall_time_s() + 340 * 86_400
    monkeypatch.setattr(tls, "wall_time_s", lambda: later_s)
    assert tls.headset_certificate(tmp_path, LAN).read_bytes() == first
    monkeypatch.setattr(tls, "wall_time_s", lambda: later_s + 20 * 86_400)
    assert tls.headset_certificate(tmp_path, LAN).read_bytes() != first


@pytest.mark.parametrize("damage", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_broken_file_is_replaced(tmp_path: Path, damage: bytes):
    path = tls.headset_certificate(tmp_path, LAN)
    path.write_bytes(damage)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.headset_certificate(tmp_path, LAN))


def test_files_are_private_and_one_that_others_could_read_is_replaced(tmp_path: Path):
    folder = tmp_path / "made" / "by" / "us"
    certificate, code = tls.headset_certificate(folder, LAN), tls.headset_code(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in (certificate, folder / "headset_code"):
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
    before = certificate.read_bytes()
    assert tls.headset_certificate(folder, LAN).read_bytes() != before
    assert tls.headset_code(folder) != code
    assert sorted(path.name for path in folder.iterdir()) == ["headset.pem", "headset_code"]


def test_the_code_is_long_kept_and_typed_easily(tmp_path: Path):
    code = tls.headset_code(tmp_path)
    assert tls.is_code(code) and tls.headset_code(tmp_path) == code
    others = {tls.headset_code(tmp_path / str(k)) for k in range(50)}
    assert len(others) == 50 and code not in others
    (tmp_path / "headset_code").write_text("1234\n")
    assert tls.is_code(tls.headset_code(tmp_path))


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be kept"):
        tls.headset_code(tmp_path / "file" / "below")


def test_the_folder_is_the_users(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert tls.config_folder() == tmp_path / "rove_teleop"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert tls.config_folder() == Path.home() / ".config" / "rove_teleop"


# Addresses to be refused; nothing is bound to them.
@pytest.mark.parametrize("host", ["0.0.0.0", "224.0.0.1", "example.org", "::", "lab-robot", "10.0.0"])
def test_every_interface_at_once_and_names_are_refused(host):
    with pytest.raises(UsageError, match=f"--headset-host {host}"):
        lan.lan_socket(host, 0)


def test_an_address_of_another_machine_is_one_sentence():
    with pytest.raises(UsageError, match="203.0.113.77"):
        lan.lan_socket("203.0.113.77", 0)


@pytest.mark.parametrize(
    ("addresses", "way_out", "chosen"),
    [
        (("192.168.1.20",), None, "192.168.1.20"),
        (("172.17.0.1", "192.168.1.20"), "192.168.1.20", "192.168.1.20"),
        (("8.8.4.4", "10.0.0.5"), "8.8.4.4", "10.0.0.5"),
    ],
)
def test_the_private_address_that_leads_to_the_network_is_chosen(monkeypatch, addresses, way_out, chosen):
    monkeypatch.setattr(lan, "lan_addresses", lambda: addresses)
    monkeypatch.setattr(lan, "_default_address", lambda: way_out)
    assert lan.headset_address("") == chosen


@pytest.mark.parametrize("addresses", [(), ("8.8.4.4",), ("172.17.0.1", "192.168.1.20")])
def test_without_a_clear_choice_the_person_chooses(monkeypatch, addresses):
    monkeypatch.setattr(lan, "lan_addresses", lambda: addresses)
    monkeypatch.setattr(lan, "_default_address", lambda: None)
    with pytest.raises(UsageError, match="--headset-host"):
        lan.headset_address("")


def test_addresses_of_this_machine_are_no_loopback():
    assert not [address for address in lan.lan_addresses() if address.startswith("127.")]
