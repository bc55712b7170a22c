"""Verifies access tokens of a Vestibule with PyJWT.

    python verify.py http://127.0.0.1:8000/.well-known/jwks.json [SECONDS] < tokens

One token a line; prints the account's number, or why the token does not count.
"""

import sys

import jwt

# Asks for the keys again after ten minutes, as long as a new key waits before it signs; and when a token names a key that it
# does not know, but not at each one: anybody can make such tokens.
seldom = float(sys.argv[2]) if len(sys.argv) > 2 else 30
keys = jwt.PyJWKClient(sys.argv[1], lifespan=600, cooldown_duration=seldom)


def verify(token):
    key = keys.get_signing_key_from_jwt(token)
    claims = jwt.decode(
        token,
        key.key,
        # The algorithm of your server's jwt.algorithm, never the one that a token names.
        algorithms=["ES256", "EdDSA", "RS256"],
        # Where the server sets jwt.issuer and jwt.audience, give both here: issuer="…", audience="…".
        options={"require": ["exp", "iat", "jti", "sid", "user_id"]},
    )
    # A refresh token is signed with the same key, and is not for you.
    if claims.get("token_type") != "access":
        raise jwt.InvalidTokenError("not an access token")
    return claims


for line in sys.stdin:
    try:
        print(verify(line.strip())["user_id"], flush=True)
    except jwt.PyJWTError as error:
        print(f"refused: {error}", flush=True)
