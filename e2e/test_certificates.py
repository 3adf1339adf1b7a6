"""Certificates that openssl made, shown by curl to `grantor serve`: who gets a token, and what the audit log says of
the others (RFC 8705 §2, RFC 5280 §6). `UPDATE_DOCS=1` writes the table into docs/interop.md; else it is compared."""

import base64
import json
import os
import pathlib
import re
import subprocess
from dataclasses import dataclass

import pytest

from grantor import ROOT, Serve, until
from pki import Certificate, Pki
from servers import free_ports, need

API = "https://api.example.com"
BASE = "/C=DE/O=Example"
PAYMENTS = f"{BASE}/CN=payments"
PAYMENTS_DN = "CN=payments,O=Example,C=DE"
PAST = {"start": "20200101000000Z", "end": "20210101000000Z"}
FUTURE = {"start": "20550101000000Z", "end": "20560101000000Z"}
DOCS = ROOT / "docs" / "interop.md"
BEGIN, END = "<!-- certificates -->\n", "<!-- /certificates -->\n"
LAX = """openssl_conf = all
[all]
ssl_conf = tls
[tls]
system_default = lax
[lax]
CipherString = DEFAULT@SECLEVEL=0
"""
ISSUED = "a token"
NO_HANDSHAKE = "no TLS connection"


@dataclass(frozen=True)
class Row:
    what: str
    shown: Certificate | None
    #: `ISSUED`, `NO_HANDSHAKE`, or the reason in the audit log.
    expected: str
    client: str = "payments"
    domain: str = "default"
    tls: str = "1.3"
    #: So weak that curl shows it only when told to.
    weak: bool = False


class Outcome:
    """What curl got, and what the audit log has of it."""

    def __init__(self, status: int, body: dict, decision: dict | None):
        self.status, self.body, self.decision = status, body, decision

    @property
    def name(self) -> str:
        if self.decision is None:
            return NO_HANDSHAKE
        return ISSUED if self.status == 200 else self.decision["reason"]


class World:
    """One server with three domains, and authorities for them."""

    def __init__(self, folder: pathlib.Path):
        self.pki = pki = Pki(folder)
        self.curl = need("curl", "curl")
        self.root = pki.root("root", f"{BASE}/CN=Example Root")
        self.issuing = self.root.authority("issuing", "between", f"{BASE}/CN=Example Issuing", "RSA 2048")
        self.bad_issuing = self.root.authority("bad", "between", f"{BASE}/CN=Compromised Issuing")
        self.constrained = self.root.authority("constrained", "constrained", f"{BASE}/CN=Constrained Issuing")
        self.lax = folder / "lax.cnf"
        self.lax.write_text(LAX)
        self.lists = folder / "lists.pem"
        self.write_lists()
        stale = folder / "stale.pem"
        self.issuing.write_list(stale, "20250101000000Z", "20260201000000Z")
        self.grantor = self._serve(folder)
        root, issuing = self.root.certificate.pem, self.issuing.certificate.pem
        below = self.grantor.issuer
        self._domain("default", trust_anchors=[root], crls=[f"file:{self.lists}"])
        self._domain("issuing", issuer=f"{below}/issuing", trust_anchors=[issuing])
        self._domain("stale", issuer=f"{below}/stale", trust_anchors=[root], crls=[f"file:{stale}"])
        for domain in ["default", "issuing", "stale"]:
            self.grantor.put_resource("api", domain, identifier=API, scope="read")
            self.client("payments", domain, tls_client_auth_subject_dn=PAYMENTS_DN)

    def _serve(self, folder: pathlib.Path) -> Serve:
        web = self.pki.root("web", "/CN=Web CA")
        server = web.issue("localhost", "localhost", "/CN=localhost")
        public, mtls = free_ports(2)
        settings = 'min_version = "1.2"\nreload_interval_s = 1\n'
        return Serve(folder, str(web.certificate.path), str(server.path), str(server.key), public, settings, mtls)

    def _domain(self, name: str, **settings: object) -> None:
        self.grantor.admin("PUT", "", settings, domain=name)

    def client(self, client_id: str, domain: str = "default", method: str = "tls_client_auth", **credential: str):
        self.grantor.put_client(
            client_id,
            domain,
            resources=[API],
            default_resource=API,
            scope="read",
            token_endpoint_auth_methods=[method],
            tls_client_certificate_bound_access_tokens=True,
        )
        self.grantor.admin("POST", f"client/{client_id}/credential", credential, domain=domain)

    def write_lists(self) -> None:
        """One file with the list of each authority."""
        parts = []
        for authority in [self.root, self.issuing, self.bad_issuing, self.constrained]:
            part = authority.folder / "list.pem"
            authority.write_list(part)
            parts.append(part.read_text())
        new = self.lists.with_suffix(".new")
        new.write_text("".join(parts))
        new.replace(self.lists)

    def ask(self, row: Row) -> Outcome:
        issuer = self.grantor.issuer + ("" if row.domain == "default" else f"/{row.domain}")
        url = self.grantor.metadata(issuer)["mtls_endpoint_aliases"]["token_endpoint"]
        before = len(self.decisions())
        environment = {**os.environ, "OPENSSL_CONF": str(self.lax)} if row.weak else None
        shown = ["--cert", row.shown.path, "--key", row.shown.key] if row.shown else []
        done = subprocess.run(
            [self.curl, "-sS", "--cacert", self.grantor.ca, f"--tlsv{row.tls}", "--tls-max", row.tls, *shown]
            + ["-w", "\n%{http_code}", "-d", "grant_type=client_credentials", "-d", f"client_id={row.client}", url],
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
        )
        if done.returncode != 0:
            assert len(self.decisions()) == before, "it came through"
            # Failed handshake, or a connection that the server ended; anything else is curl's own.
            assert done.returncode in (35, 55, 56), done.stderr
            return Outcome(0, {}, None)
        body, status = done.stdout.rsplit("\n", 1)
        decided = until("audit log", lambda: self.decisions()[before:])
        return Outcome(int(status), json.loads(body), decided[0])

    def decisions(self) -> list[dict]:
        files = sorted((self.grantor.data / "audit").glob("*"))
        lines = [line for file in files for line in file.read_text().splitlines()]
        return [decision for decision in map(json.loads, lines) if decision.get("endpoint") == "token"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("certificates"))
    yield world
    assert world.grantor.stop() == 0


def good_rows(world: World) -> list[Row]:
    pki, issuing = world.pki, world.issuing
    rows = []
    for kind in ["P-256", "P-384", "RSA 2048", "Ed25519"]:
        name = f"payments-{kind.replace(' ', '-')}"
        chain = pki.chain(name, issuing.issue(name, "client", PAYMENTS, kind), issuing.certificate)
        rows += [Row(f"{kind} key, below an intermediate with RSA", chain, ISSUED, tls=tls) for tls in ["1.2", "1.3"]]
    leaf, bare = issuing.issue("payments", "client", PAYMENTS), issuing.issue("bare", "bare", PAYMENTS)
    rows += [
        Row("renewed: a new key under the same name", pki.chain("renewed", leaf, issuing.certificate), ISSUED),
        Row("signed by the root itself", world.root.issue("direct", "client", PAYMENTS), ISSUED),
        Row("the intermediate is the trust anchor and is not sent", leaf, ISSUED, domain="issuing"),
        Row("no extended key usage", pki.chain("bare", bare, issuing.certificate), ISSUED),
    ]
    names = pki.chain("names", issuing.issue("names", "names", f"{BASE}/CN=names"), issuing.certificate)
    for kind, value in [
        ("san_dns", "payments.example.com"),
        ("san_uri", "spiffe://example.org/payments"),
        ("san_ip", "192.0.2.7"),
        ("san_email", "payments@example.com"),
    ]:
        world.client(kind, **{f"tls_client_auth_{kind}": value})
        rows.append(Row(f"registered by `tls_client_auth_{kind}`", names, ISSUED, client=kind))
    alone = pki.root("alone", "/CN=alone", section="self").certificate
    world.client("alone", method="self_signed_tls_client_auth", certificate=alone.pem)
    what = "self-signed, and registered itself (`self_signed_tls_client_auth`)"
    rows.append(Row(what, alone, ISSUED, client="alone"))
    return rows


def bad_rows(world: World) -> list[Row]:
    pki, issuing, root = world.pki, world.issuing, world.root

    def below(name: str, section: str = "client", authority=issuing, subject: str = PAYMENTS, **more: str):
        return pki.chain(name, authority.issue(name, section, subject, **more), authority.certificate)

    twin_root = pki.root("twin-root", f"{BASE}/CN=Example Root")
    twin = twin_root.authority("twin", "between", f"{BASE}/CN=Example Issuing", "RSA 2048")
    too_deep = issuing.authority("deep", "between", f"{BASE}/CN=Too deep")
    elsewhere = pki.root("elsewhere", "/O=Elsewhere/CN=Elsewhere Root")
    revoked, of_bad = below("revoked"), below("of-bad", authority=world.bad_issuing)
    issuing.revoke(revoked)
    root.revoke(world.bad_issuing.certificate)
    deep = pki.chain(
        "deep", too_deep.issue("too-deep", "client", PAYMENTS), too_deep.certificate, issuing.certificate
    )
    outside = below("outside", "outside", world.constrained)
    backwards = below("order", subject="/CN=payments/O=Example/C=DE")
    another_alone = pki.root("alone2", "/CN=alone", section="self").certificate
    return [
        Row("none", None, "no_client_auth"),
        Row("the intermediate is not sent", issuing.issue("lonely", "client", PAYMENTS), "certificate_untrusted"),
        Row("another CA", below("of-elsewhere", authority=elsewhere), "certificate_untrusted"),
        Row("another CA with the same names", below("of-twin", authority=twin), "certificate_signature"),
        Row("self-signed", pki.root("self", PAYMENTS, section="self").certificate, "certificate_untrusted"),
        Row("expired", below("expired", **PAST), "certificate_expired"),
        Row("not yet valid", below("not-yet", **FUTURE), "certificate_not_yet_valid"),
        Row("extended key usage serverAuth", below("for-servers", "for_servers"), "certificate_wrong_usage"),
        Row("key usage keyEncipherment", below("for-encryption", "for_encryption"), "certificate_wrong_usage"),
        Row("a CA certificate", below("a-ca", "between", root), "certificate_wrong_usage"),
        Row("revoked", revoked, "certificate_revoked"),
        Row("its intermediate is revoked", of_bad, "certificate_revoked"),
        Row("the revocation list is out of date", below("of-stale"), "crl_expired", domain="stale"),
        Row("one intermediate too many", deep, "certificate_path_length"),
        Row("a name outside the name constraints", outside, "certificate_name_constraint"),
        Row("signed with SHA-1", below("sha1", digest="sha1"), "certificate_signature", weak=True),
        Row("RSA key of 1024 bits", below("weak", kind="RSA 1024"), NO_HANDSHAKE, tls="1.2", weak=True),
        Row("another name", below("another", subject=f"{BASE}/CN=payroll"), "certificate_no_match"),
        Row("the same parts in another order", backwards, "certificate_no_match"),
        Row("self-signed, registered is another one", another_alone, "certificate_no_match", client="alone"),
    ]


def thumbprint_in(token: str) -> str:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["cnf"]["x5t#S256"]


def test_the_table_of_what_happened(world):
    rows = good_rows(world) + bad_rows(world)
    world.write_lists()
    lines = ["| certificate | TLS | outcome | detail in the audit log |\n", "|---|---|---|---|\n"]

    def known():
        revoked = next(row for row in rows if row.what == "revoked")
        return world.ask(revoked).name == "certificate_revoked"

    until("the new lists are read", known)
    for row in rows:
        outcome = world.ask(row)
        told = outcome.decision or {}
        assert outcome.name == row.expected, f"{row.what}: {outcome.status} {outcome.body} {told}"
        if row.expected == ISSUED:
            assert thumbprint_in(outcome.body["access_token"]) == row.shown.x5t_s256, row.what
        elif row.expected != NO_HANDSHAKE:
            assert (outcome.status, outcome.body["error"]) == (401, "invalid_client"), row.what
            assert told["detail"], row.what
        lines.append(line(row, outcome.name, told.get("detail") or ""))
    compare("".join(lines))


def line(row: Row, outcome: str, detail: str) -> str:
    outcome = outcome if outcome in (ISSUED, NO_HANDSHAKE) else f"refused: `{outcome}`"
    # What differs from one run to the next: when something was revoked, names of credentials and of certificates.
    detail = re.sub(r"at 20[2-4]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "at …", detail) if "revoked" in outcome else detail
    detail = re.sub(r"of the client \([\w-]+:", "of the client (…:", detail)
    detail = re.sub(r"x5t#S256 [\w-]{43}", "x5t#S256 …", detail)
    return f"| {row.what} | {row.tls} | {outcome} | {detail.replace('|', chr(92) + '|')} |\n"


def compare(table: str) -> None:
    text = DOCS.read_text()
    before, rest = text.split(BEGIN)
    recorded, after = rest.split(END)
    if os.environ.get("UPDATE_DOCS"):
        DOCS.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")
        return
    assert recorded.strip() == table.strip(), "run again with UPDATE_DOCS=1, and look at what changed"


def test_a_revocation_takes_effect_without_a_restart(world):
    chain = world.pki.chain("late", world.issuing.issue("late", "client", PAYMENTS), world.issuing.certificate)
    row = Row("revoked meanwhile", chain, "certificate_revoked")
    assert world.ask(row).name == ISSUED
    world.issuing.revoke(chain)
    world.write_lists()
    until("the revocation is known", lambda: world.ask(row).name == "certificate_revoked")
