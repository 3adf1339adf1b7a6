"""Authlib and requests-oauthlib (PyPI)."""

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsSession

from . import Client, Refused


class Authlib(Client):
    name = "authlib"
    encodes_basic = False
    # The others want to be allowed by name in joserfc, which Authlib's validator has no setting for.
    algs = frozenset({"ES256", "RS256"})
    offers = frozenset({"metadata", "introspect", "revoke", "verify"})

    def session(self, server, identity):
        session = AuthlibSession(
            identity.client_id,
            identity.secret,
            token_endpoint_auth_method=f"client_secret_{identity.method}",
            revocation_endpoint_auth_method=f"client_secret_{identity.method}",
        )
        session.trust_env = False
        session.verify = server.ca or True
        return session

    def token(self, server, identity, **parameters):
        try:
            url = f"{server.issuer}/connect/token"
            return dict(self.session(server, identity).fetch_token(url, grant_type="client_credentials", **parameters))
        except OAuthError as error:
            raise Refused(error.error) from error

    def metadata(self, server):
        url = get_well_known_url(server.issuer, external=True)
        return AuthorizationServerMetadata(requests.get(url, verify=server.ca or True, timeout=10).json())

    def introspect(self, server, identity, token):
        answer = self.session(server, identity).introspect_token(f"{server.issuer}/connect/introspect", token=token)
        answer.raise_for_status()
        return answer.json()

    def revoke(self, server, identity, token):
        answer = self.session(server, identity).revoke_token(f"{server.issuer}/connect/revocation", token=token)
        answer.raise_for_status()

    def verify(self, server, token, audience):
        class Validator(JWTBearerTokenValidator):
            def get_jwks(self):
                return server.jwks()

        validator = Validator(issuer=server.issuer, resource_server=audience)
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, scopes=None, request=None)
        return dict(claims)


class RequestsOauthlib(Client):
    name = "requests-oauthlib"
    encodes_basic = False
    offers = frozenset({"revoke"})

    def token(self, server, identity, **parameters):
        session = RequestsSession(client=BackendApplicationClient(identity.client_id))
        session.trust_env = False
        session.verify = server.ca or True
        try:
            return dict(
                session.fetch_token(
                    f"{server.issuer}/connect/token",
                    client_secret=identity.secret,
                    include_client_id=identity.method == "post",
                    **parameters,
                )
            )
        except OAuth2Error as error:
            raise Refused(error.error) from error

    def revoke(self, server, identity, token):
        client = BackendApplicationClient(identity.client_id)
        url, headers, body = client.prepare_token_revocation_request(
            f"{server.issuer}/connect/revocation", token, token_type_hint="access_token"
        )
        auth = HTTPBasicAuth(identity.client_id, identity.secret)
        answer = requests.post(url, body, headers=headers, auth=auth, verify=server.ca or True, timeout=10)
        answer.raise_for_status()
