// openid-client 6: everything through discovery, as its README does.
import { fetchWithCertificate } from './certificate.mjs'
import * as jose from 'jose'
import * as client from 'openid-client'

const insecure = (issuer) => (issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [])

async function authentication({ secret, method, jwk }) {
  switch (method) {
    case 'private_key_jwt': return client.PrivateKeyJwt({ key: await jose.importJWK(jwk), kid: jwk.kid })
    case 'client_secret_jwt': return client.ClientSecretJwt(secret)
    case 'tls_client_auth': return client.TlsClientAuth()
    case 'post': return client.ClientSecretPost(secret)
    default: return client.ClientSecretBasic(secret)
  }
}

async function configuration(asked) {
  const server = new URL(asked.issuer)
  const metadata = { use_mtls_endpoint_aliases: asked.certificate !== undefined }
  const options = { execute: insecure(server) }
  if (asked.certificate) options[client.customFetch] = fetchWithCertificate(asked)
  return client.discovery(server, asked.client_id, metadata, await authentication(asked), options)
}

export const operations = {
  async token(asked) {
    const configured = await configuration(asked)
    // The library asks once more by itself, with the nonce that it was told.
    const DPoP = asked.dpop && client.getDPoPHandle(configured, await client.randomDPoPKeyPair(asked.dpop))
    return client.clientCredentialsGrant(configured, asked.parameters, { DPoP })
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
