"""Calls a protected API with Authlib, which gets an access token and gets another when it has expired.

    pip install -r requirements.txt
    python client.py
"""

import os

import requests
from authlib.integrations.requests_client import OAuth2Session

ISSUER = os.environ.get("GRANTOR_ISSUER", "http://127.0.0.1:8080")
API = os.environ.get("API_URL", "http://127.0.0.1:3000")

metadata = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=10).json()
assert metadata["issuer"] == ISSUER, "this is another issuer's metadata"

session = OAuth2Session(
    os.environ["GRANTOR_CLIENT_ID"],
    os.environ["GRANTOR_CLIENT_SECRET"],
    scope="read",
    token_endpoint=metadata["token_endpoint"],
    grant_type="client_credentials",
)
token = session.fetch_token()
print(f"a token for {token['expires_in']} seconds, scope {token['scope']}")

answer = session.get(f"{API}/things", timeout=10)
print(answer.status_code, answer.json())

answer = session.post(f"{API}/things", json="a chair", timeout=10)
print(answer.status_code, answer.headers.get("www-authenticate", ""))
