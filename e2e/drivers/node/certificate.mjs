// undici's own fetch shows a client certificate; the one that is built in has no setting for that.
import { readFileSync } from 'node:fs'
import { Agent, fetch } from 'undici'

export function fetchWithCertificate({ ca, certificate: [cert, key] }) {
  const [trusted, shown, proven] = [ca, cert, key].map((file) => readFileSync(file))
  const dispatcher = new Agent({ connect: { ca: trusted, cert: shown, key: proven } })
  return (url, options) => fetch(url, { ...options, dispatcher })
}
