// oauth4webapi 3: the client, and the protected resource's check of RFC 9068 tokens and RFC 9701 answers.
import { fetchWithCertificate } from './certificate.mjs'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'

const loose = (url) => ({ [oauth.allowInsecureRequests]: new URL(url).protocol === 'http:' })

async function discover(issuer, algorithm = 'oauth2') {
  const server = new URL(issuer)
  return oauth.processDiscoveryResponse(server, await oauth.discoveryRequest(server, { algorithm, ...loose(issuer) }))
}

async function authentication({ secret, method, jwk }) {
  switch (method) {
    case 'private_key_jwt': return oauth.PrivateKeyJwt({ key: await jose.importJWK(jwk), kid: jwk.kid })
    case 'client_secret_jwt': return oauth.ClientSecretJwt(secret)
    case 'tls_client_auth': return oauth.TlsClientAuth()
    case 'post': return oauth.ClientSecretPost(secret)
    default: return oauth.ClientSecretBasic(secret)
  }
}

// Once more, with the nonce that was asked for.
async function twice(attempt, asked = () => {}) {
  try {
    return await attempt()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    asked(error.response.url)
    return attempt()
  }
}

export const operations = {
  async token(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id, use_mtls_endpoint_aliases: asked.certificate !== undefined }
    const options = loose(asked.issuer)
    if (asked.certificate) options[oauth.customFetch] = fetchWithCertificate(asked)
    if (asked.dpop) options.DPoP = oauth.DPoP(client, await oauth.generateKeyPair(asked.dpop))
    const method = await authentication(asked)
    return twice(async () => oauth.processClientCredentialsResponse(
      server, client, await oauth.clientCredentialsGrantRequest(server, client, method, asked.parameters, options),
    ))
  },

  // A token that is bound to a new key, and what an API says to it: once with proofs, once as if it were a bearer token.
  async call_with_dpop(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id }
    const options = { DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')), ...loose(asked.issuer) }
    const nonces = []
    const note = (url) => nonces.push(url)
    const method = await authentication(asked)
    const granted = await twice(async () => oauth.processClientCredentialsResponse(
      server, client, await oauth.clientCredentialsGrantRequest(server, client, method, {}, options),
    ), note)
    const call = (more) =>
      oauth.protectedResourceRequest(granted.access_token, 'GET', new URL(asked.api), undefined, undefined, more)
    const answers = []
    for (let time = 0; time < 2; time++) answers.push(await (await twice(() => call(options), note)).json())
    const challenges = await call(loose(asked.api)).then(() => [], (error) => error.cause)
    return { token_type: granted.token_type, nonces, answers, challenges }
  },

  async metadata({ issuer }) {
    await discover(issuer, 'oidc')
    return discover(issuer)
  },

  async introspect(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id }
    const response = await oauth.introspectionRequest(
      server, client, await authentication(asked), asked.token, loose(asked.issuer),
    )
    return oauth.processIntrospectionResponse(server, client, response)
  },

  async introspect_signed(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id, introspection_signed_response_alg: asked.alg }
    const response = await oauth.introspectionRequest(
      server, client, await authentication(asked), asked.token, { requestJwtResponse: true, ...loose(asked.issuer) },
    )
    const answer = await oauth.processIntrospectionResponse(server, client, response)
    await oauth.validateApplicationLevelSignature(server, response, loose(asked.issuer))
    return answer
  },

  async revoke(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id }
    const response = await oauth.revocationRequest(
      server, client, await authentication(asked), asked.token, loose(asked.issuer),
    )
    await oauth.processRevocationResponse(response)
  },

  async verify({ issuer, token, audience }) {
    const request = new Request('https://api.example.com/', { headers: { authorization: `Bearer ${token}` } })
    return oauth.validateJwtAccessToken(await discover(issuer), request, audience, loose(issuer))
  },
}

// Where an answer has a challenge, the library reads that and leaves the body alone.
export function refusal(error) {
  if (error instanceof oauth.ResponseBodyError) return error.error
  if (error instanceof oauth.WWWAuthenticateChallengeError) return error.cause[0].parameters.error
}
