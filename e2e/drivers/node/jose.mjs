// jose 6: a protected resource that checks tokens against the JWKS, which it fetches by itself.
import * as jose from 'jose'

export const operations = {
  async verify({ issuer, token, audience }) {
    const keys = jose.createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
    const { payload } = await jose.jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })
    return payload
  },
}

export function refusal() {}
