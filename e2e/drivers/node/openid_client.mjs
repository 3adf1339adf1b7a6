// openid-client 6: everything through discovery, as its README does.
import * as client from 'openid-client'

const insecure = (issuer) => (issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [])

async function configuration({ issuer, client_id, secret, method }) {
  const server = new URL(issuer)
  const authentication = method === 'post' ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret)
  return client.discovery(server, client_id, undefined, authentication, { execute: insecure(server) })
}

export const operations = {
  async token(asked) {
    return client.clientCredentialsGrant(await configuration(asked), asked.parameters)
  },

  async metadata({ issuer }) {
    const server = new URL(issuer)
    const found = await client.discovery(server, 'nobody', undefined, client.None(), {
      algorithm: 'oauth2',
      execute: insecure(server),
    })
    return found.serverMetadata()
  },

  async introspect(asked) {
    return client.tokenIntrospection(await configuration(asked), asked.token)
  },

  async revoke(asked) {
    await client.tokenRevocation(await configuration(asked), asked.token)
  },
}

// Where an answer has a challenge, the library reads that and leaves the body alone.
export function refusal(error) {
  if (error instanceof client.ResponseBodyError) return error.error
  if (error instanceof client.WWWAuthenticateChallengeError) return error.cause[0].parameters.error
}
