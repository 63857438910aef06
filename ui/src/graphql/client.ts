/**
 * The one way to the API: persisted documents over HTTP, and over one `graphql-transport-ws` socket for what is live.
 *
 * No result is cached here. A page shows what the read models say now, and says up to which position that is.
 */
import {
  Client,
  type CombinedError,
  fetchExchange,
  type OperationContext,
  subscriptionExchange,
  type TypedDocumentNode,
} from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import { createClient as createSocket } from 'graphql-ws'

import { noteServerDate } from '../shell/clock'
import documents from './generated/persisted-documents.json'
import { linkState } from './link-state'

const path = '/graphql'

/** Full jitter around an exponential back-off: 0.25 s, 0.5 s, … at most 8 s. */
export function backOff(attempt: number, random: number = Math.random()): number {
  const ceiling = Math.min(8_000, 250 * 2 ** attempt)
  return ceiling / 2 + (ceiling / 2) * random
}

const socket = createSocket({
  url: () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`,
  lazy: true,
  lazyCloseTimeout: 2_000,
  keepAlive: 10_000,
  connectionAckWaitTimeout: 5_000,
  retryAttempts: Number.POSITIVE_INFINITY,
  // A close code alone never ends the board's try: a person who signed out is found by the viewer query.
  shouldRetry: () => true,
  retryWait: async (attempt) => {
    const wait = backOff(attempt)
    linkState.waiting(wait)
    await new Promise((resolve) => setTimeout(resolve, wait))
  },
})
let ping: ReturnType<typeof setTimeout> | undefined
socket.on('connecting', () => linkState.set('connecting'))
socket.on('connected', () => linkState.set('open'))
socket.on('closed', () => {
  clearTimeout(ping)
  linkState.set('closed')
})
socket.on('ping', (received) => {
  // An answer that stays away for 5 s means a half-open connection: give it up and connect again.
  if (!received) ping = setTimeout(() => socket.terminate(), 5_000)
})
socket.on('pong', (received) => {
  if (received) clearTimeout(ping)
})

async function fetchNoting(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init)
  noteServerDate(response.headers.get('date'))
  return response
}

/** The hash that the build wrote into the document. */
function hashOf(document: { __meta__?: { hash?: string } }): string {
  const hash = document.__meta__?.hash
  if (!hash) throw new Error('This document has no hash: only documents in src/graphql/*.graphql can be sent.')
  return hash
}

function textOf(extensions: Record<string, unknown> | undefined): string {
  const named = extensions?.['persistedQuery'] as { sha256Hash?: string } | undefined
  return (documents as Record<string, string>)[named?.sha256Hash ?? ''] ?? ''
}

const fetchOptions: RequestInit = { credentials: 'same-origin', cache: 'no-store' }

/** For what a page asks by itself: it is no sign that somebody is there, so an idle session still locks. */
export const BY_ITSELF: Partial<OperationContext> = {
  fetchOptions: { ...fetchOptions, headers: { 'x-background': 'yes' } },
}

export const client = new Client({
  url: path,
  fetch: fetchNoting,
  fetchOptions,
  // Filters of an audit query belong in a body, not in the access log of a proxy.
  preferGetMethod: false,
  exchanges: [
    persistedExchange({
      enforcePersistedQueries: true,
      enableForMutation: true,
      enableForSubscriptions: true,
      preferGetForPersistedQueries: false,
      generateHash: async (_text, document) => hashOf(document as { __meta__?: { hash?: string } }),
    }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ variables, operationName, extensions }) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe(
            // The protocol asks for the text beside the hash: it is the very text that was hashed.
            { query: textOf(extensions), variables, operationName, extensions } as Parameters<
              typeof socket.subscribe
            >[0],
            sink as Parameters<typeof socket.subscribe>[1],
          ),
        }),
      }),
    }),
  ],
})

/** Runs a query once. Throws Failure when there is no answer to show. */
export async function ask<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  context?: Partial<OperationContext>,
): Promise<Data> {
  const result = await client.query(document, variables, context).toPromise()
  if (result.error || result.data === undefined) throw failureOf(result.error)
  return result.data
}

export type FailureKind = 'signed_out' | 'forbidden' | 'outdated' | 'unreachable' | 'failed'

/** Why a request has no answer, in the kinds that a page treats differently. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
  ) {
    super(message)
  }
}

/** What a promise was rejected with. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('failed', String(error))
}

/** Reads HTTP status and GraphQL error codes alike. */
export function failureOf(
  error: Pick<CombinedError, 'graphQLErrors' | 'networkError' | 'response'> | undefined,
): Failure {
  const status: unknown = error?.response?.status
  const codes = (error?.graphQLErrors ?? []).map((each) => String(each.extensions?.['code'] ?? '').toLowerCase())
  const said = error?.graphQLErrors[0]?.message
  if (status === 401 || codes.includes('not_signed_on'))
    return new Failure('signed_out', said ?? 'You are not signed in, or your session has ended.')
  if (status === 403 || codes.includes('not_permitted'))
    return new Failure('forbidden', said ?? 'Your roles do not permit this.')
  if (codes.includes('persisted_query_not_found'))
    return new Failure('outdated', 'The watch center was updated. Load this page again to go on.')
  if (said) return new Failure('failed', said)
  if (typeof status === 'number' && status >= 400)
    return new Failure('failed', `The watch center answered ${status}. It may be restarting; try again in a moment.`)
  return new Failure('unreachable', 'The watch center did not answer. Check the network; it is tried again.')
}
