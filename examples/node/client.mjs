// Calls a protected API with openid-client.
//
//   npm install
//   node client.mjs
import * as client from 'openid-client'

const { GRANTOR_ISSUER = 'http://127.0.0.1:8080', API_URL = 'http://127.0.0.1:3000' } = process.env
const { GRANTOR_CLIENT_ID, GRANTOR_CLIENT_SECRET } = process.env

const issuer = new URL(GRANTOR_ISSUER)
// The demo server speaks plain HTTP on loopback. With https, leave this out.
const execute = issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []
const authentication = client.ClientSecretBasic(GRANTOR_CLIENT_SECRET)
const options = { algorithm: 'oauth2', execute }
const config = await client.discovery(issuer, GRANTOR_CLIENT_ID, undefined, authentication, options)

const token = await client.clientCredentialsGrant(config, { scope: 'read' })
console.log(`a token for ${token.expires_in} seconds, scope ${token.scope}`)

const things = new URL('/things', API_URL)
const listed = await client.fetchProtectedResource(config, token.access_token, things, 'GET')
console.log(listed.status, await listed.json())

const headers = new Headers({ 'content-type': 'application/json' })
try {
  await client.fetchProtectedResource(config, token.access_token, things, 'POST', '"a chair"', headers)
} catch (error) {
  console.log(error.response.status, error.response.headers.get('www-authenticate'))
}
