// Verifies access tokens of a Vestibule with jose.
//
//     node verify.mjs http://127.0.0.1:8000/.well-known/jwks.json [SECONDS] < tokens
//
// One token a line; prints the account's number, or why the token does not count.

import { createInterface } from 'node:readline'
import { createRemoteJWKSet, jwtVerify } from 'jose'

// Asks for the keys again after ten minutes, as long as a new key waits before it signs; and when a token names a key that it
// does not know, but not at each one: anybody can make such tokens.
const seldom = Number(process.argv[3] ?? 30)
const keys = createRemoteJWKSet(new URL(process.argv[2]), { cacheMaxAge: 600_000, cooldownDuration: seldom * 1000 })

async function verify(token) {
  const { payload } = await jwtVerify(token, keys, {
    // The algorithm of your server's jwt.algorithm, never the one that a token names.
    algorithms: ['ES256', 'EdDSA', 'RS256'],
    // Where the server sets jwt.issuer and jwt.audience, give both here: issuer: '…', audience: '…'.
    requiredClaims: ['exp', 'iat', 'jti', 'sid', 'user_id'],
  })
  // A refresh token is signed with the same key, and is not for you.
  if (payload.token_type !== 'access') throw new Error('not an access token')
  return payload
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log((await verify(line.trim())).user_id)
  } catch (error) {
    console.log(`refused: ${error.message}`)
  }
}
