// The official SDK for the Model Context Protocol: its client, and its two providers of tokens for machines.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { ClientCredentialsProvider, PrivateKeyJwtProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { OAuthError } from '@modelcontextprotocol/sdk/server/auth/errors.js'

function provider({ issuer: expectedIssuer, client_id: clientId, secret, method, jwk, scope }) {
  const common = { clientId, expectedIssuer, scope }
  return method === 'private_key_jwt'
    ? new PrivateKeyJwtProvider({ ...common, privateKey: jwk, algorithm: jwk.alg })
    : new ClientCredentialsProvider({ ...common, clientSecret: secret })
}

export const operations = {
  async call_tool(asked) {
    const client = new Client({ name: 'grantor-e2e', version: '1' })
    await client.connect(new StreamableHTTPClientTransport(new URL(asked.url), { authProvider: provider(asked) }))
    try {
      return await client.callTool({ name: asked.tool, arguments: asked.arguments })
    } finally {
      await client.close()
    }
  },
}

export function refusal(error) {
  if (error instanceof OAuthError) return error.errorCode
}
