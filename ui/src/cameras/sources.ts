/** What feeds are called: cameras, also those that were taken down, and flights. */
import { useEffect, useState } from 'react'

import { asFailure, ask, type Failure } from '../graphql/client'
import { FeedCamerasDocument, type FeedCamerasQuery, FeedFlightsDocument } from '../graphql/generated/graphql'
import { momentOf, words } from '../shell/words'

export type Source = { feed: string; name: string; kind: 'camera' | 'flight' }

async function cameras(): Promise<Source[]> {
  const found: Source[] = []
  let after: string | null = null
  do {
    const { cameras }: FeedCamerasQuery = await ask(FeedCamerasDocument, { after })
    for (const { node } of cameras.edges)
      found.push({ feed: node.feed, name: node.retired ? `${node.name} (taken down)` : node.name, kind: 'camera' })
    after = cameras.pageInfo.hasNextPage ? (cameras.pageInfo.endCursor ?? null) : null
  } while (after)
  return found
}

async function flights(): Promise<Source[]> {
  const { flights } = await ask(FeedFlightsDocument, {})
  return flights.edges.flatMap(({ node }): Source[] =>
    node.launchedAt
      ? [
          {
            feed: `flight-${node.id}`,
            name: `Drone ${momentOf(node.launchedAt)}, ${words(node.purpose).toLowerCase()}`,
            kind: 'flight',
          },
        ]
      : [],
  )
}

/** Undefined until they are known. Each of the two lists may be read by some who may not read the other. */
export function useSources(): readonly Source[] | Failure | undefined {
  const [sources, setSources] = useState<readonly Source[] | Failure>()
  useEffect(() => {
    let left = false
    Promise.allSettled([cameras(), flights()]).then(([hung, flown]) => {
      if (left) return
      if (hung.status === 'rejected' && flown.status === 'rejected') return setSources(asFailure(hung.reason))
      setSources([
        ...(hung.status === 'fulfilled' ? hung.value : []),
        ...(flown.status === 'fulfilled' ? flown.value : []),
      ])
    })
    return () => {
      left = true
    }
  }, [])
  return sources
}

/** What a feed is called; its id where it is not known by a name. */
export function nameOf(feed: string, sources: readonly Source[] | Failure | undefined): string {
  const known = Array.isArray(sources) ? (sources as readonly Source[]).find((each) => each.feed === feed) : undefined
  return known?.name ?? (feed.startsWith('import-') ? `Of another agency, ${feed}` : feed)
}
