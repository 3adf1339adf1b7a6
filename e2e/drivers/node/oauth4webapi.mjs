// oauth4webapi 3: the client, and the protected resource's check of RFC 9068 tokens and RFC 9701 answers.
import * as oauth from 'oauth4webapi'

const loose = (url) => ({ [oauth.allowInsecureRequests]: new URL(url).protocol === 'http:' })

async function discover(issuer, algorithm = 'oauth2') {
  const server = new URL(issuer)
  return oauth.processDiscoveryResponse(server, await oauth.discoveryRequest(server, { algorithm, ...loose(issuer) }))
}

function authentication({ secret, method }) {
  return method === 'post' ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret)
}

export const operations = {
  async token(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id }
    const response = await oauth.clientCredentialsGrantRequest(
      server, client, authentication(asked), asked.parameters, loose(asked.issuer),
    )
    return oauth.processClientCredentialsResponse(server, client, response)
  },

  // A token that is bound to a new key, and what an API says to it: once with proofs, once as if it were a bearer token.
  async call_with_dpop(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id }
    const options = { DPoP: oauth.DPoP(client, await oauth.generateKeyPair('ES256')), ...loose(asked.issuer) }
    const nonces = []
    const twice = async (attempt) => {
      try {
        return await attempt()
      } catch (error) {
        if (!oauth.isDPoPNonceError(error)) throw error
        nonces.push(error.response.url)
        return attempt()
      }
    }
    const granted = await twice(async () => oauth.processClientCredentialsResponse(
      server, client, await oauth.clientCredentialsGrantRequest(server, client, authentication(asked), {}, options),
    ))
    const call = (more) =>
      oauth.protectedResourceRequest(granted.access_token, 'GET', new URL(asked.api), undefined, undefined, more)
    const answers = []
    for (let time = 0; time < 2; time++) answers.push(await (await twice(() => call(options))).json())
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
      server, client, authentication(asked), asked.token, loose(asked.issuer),
    )
    return oauth.processIntrospectionResponse(server, client, response)
  },

  async introspect_signed(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id, introspection_signed_response_alg: asked.alg }
    const response = await oauth.introspectionRequest(
      server, client, authentication(asked), asked.token, { requestJwtResponse: true, ...loose(asked.issuer) },
    )
    const answer = await oauth.processIntrospectionResponse(server, client, response)
    await oauth.validateApplicationLevelSignature(server, response, loose(asked.issuer))
    return answer
  },

  async revoke(asked) {
    const server = await discover(asked.issuer)
    const client = { client_id: asked.client_id }
    const response = await oauth.revocationRequest(
      server, client, authentication(asked), asked.token, loose(asked.issuer),
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
