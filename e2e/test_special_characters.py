"""`client_id` and secret may be any VSCHAR (RFC 6749 appendix A): who sends them so that they arrive?"""

import pytest

from clients import Refused
from clients.everyone import EVERYONE
from grantor import Identity

#: What is special about them: (client_id, secret).
SPECIAL = {
    "colon-in-id": ("team:billing", "plain"),
    "colon-in-secret": ("colon in secret", "a:b:c"),
    "slash": ("team/billing", "ab/cd=="),
    "space": ("team billing", "two words"),
    "plus": ("plus+minus", "1+1"),
    "percent": ("50% off", "100%"),
    "percent-that-decodes": ("team%2Dbilling", "%41%42"),
    "quotes": ("\"team\" 'billing'", "\"it's\" \\`"),
    "ampersand": ("a&b=c", "x&y=z?#;"),
    "brackets": ("<team>{~}|^$", "[a]*(b)!~_-.,@"),
}

#: What a Basic header without form-encoding loses (RFC 6749 §2.3.1): these are read as something else…
NEEDS_ENCODING = {"plus", "percent", "percent-that-decodes"}
#: …and this cannot be read at all, since the first colon ends the name.
CANNOT_BE_RAW = {"colon-in-id"}

senders = [client for client in EVERYONE if client.methods]
each_sender = pytest.mark.parametrize("client", senders, ids=lambda client: client.name)
each_special = pytest.mark.parametrize("special", SPECIAL)


@pytest.fixture(scope="module")
def identities(server):
    """Each special pair twice: as it is, and with the allowance for Basic credentials that were not encoded."""

    def register(special, lenient):
        client_id, secret = SPECIAL[special]
        client_id += " lenient" if lenient else ""
        server.put_client(
            client_id,
            resources=["https://api.example.com"],
            scope="read",
            token_endpoint_auth_methods=["client_secret_basic", "client_secret_post"],
            allow_unencoded_basic=lenient,
        )
        server.create_secret(client_id, secret)
        return client_id, secret

    return {(special, lenient): register(special, lenient) for special in SPECIAL for lenient in (False, True)}


@each_sender
@each_special
def test_post_always_arrives(server, identities, client, special):
    client.ready()
    assert client.token(server, Identity(*identities[special, False], "post"))["access_token"]


@each_sender
@each_special
def test_basic_arrives_if_it_is_encoded(server, identities, client, special):
    client.ready()
    identity = Identity(*identities[special, False], "basic")
    if client.encodes_basic or special not in NEEDS_ENCODING | CANNOT_BE_RAW:
        assert client.token(server, identity)["access_token"]
    else:
        with pytest.raises(Refused) as refused:
            client.token(server, identity)
        assert refused.value.code == "invalid_client"


@pytest.mark.parametrize("client", [c for c in senders if not c.encodes_basic], ids=lambda client: client.name)
@each_special
def test_the_allowance_lets_unencoded_basic_in(server, identities, client, special):
    client.ready()
    identity = Identity(*identities[special, True], "basic")
    if special not in CANNOT_BE_RAW:
        assert client.token(server, identity)["access_token"]
    else:
        with pytest.raises(Refused):
            client.token(server, identity)
