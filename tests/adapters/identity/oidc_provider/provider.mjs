// oidc-provider on a free port of loopback. Prints its issuer; whoever is named in `login_hint` is signed in at once.
// Usage: node provider.mjs REDIRECT_URI
import { createServer } from 'node:http'
import Provider from 'oidc-provider'

const STEP_UP = 'urn:saferweho:acr:step-up'
const server = createServer().listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'watch-center',
        client_secret: 'a secret: 100% safe & sound+',
        redirect_uris: [process.argv[2]],
        post_logout_redirect_uris: [new URL('/', process.argv[2]).href],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    acrValues: [STEP_UP],
    claims: { acr: null, auth_time: null, sid: null, iss: null, openid: ['sub'] },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:watch-center:api',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'openid',
          audience: 'saferweho',
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ['only for tests'] },
    pkce: { required: () => true },
  })
  const answer = provider.callback()
  server.on('request', async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return answer(request, response)
    const { params, session, prompt } = await provider.interactionDetails(request, response)
    const accountId = session?.accountId ?? params.login_hint ?? 'ana'
    const grant = new provider.Grant({ accountId, clientId: params.client_id })
    grant.addOIDCScope('openid')
    grant.addResourceScope('urn:watch-center:api', 'openid')
    await provider.interactionFinished(request, response, {
      login: { accountId, ...(prompt.name === 'login' && params.acr_values ? { acr: STEP_UP } : {}) },
      consent: { grantId: await grant.save() },
    })
  })
  console.log(issuer)
})
process.stdin.on('end', () => process.exit(0)).resume() // never outlives who started it
