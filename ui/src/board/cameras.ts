/** The fixed cameras of the map: they stand still, and whether they work is asked now and again. */
import type { Feature, FeatureCollection, Polygon } from 'geojson'

import { ask, BY_ITSELF } from '../graphql/client'
import { CamerasDocument, type CamerasQuery } from '../graphql/generated/graphql'

export type Camera = CamerasQuery['cameras']['edges'][number]['node']

const EVERY_MS = 15_000

async function all(): Promise<Camera[]> {
  const found: Camera[] = []
  let after: string | null = null
  do {
    const { cameras }: CamerasQuery = await ask(CamerasDocument, { after }, BY_ITSELF)
    found.push(...cameras.edges.map(({ node }) => node))
    after = cameras.pageInfo.hasNextPage ? (cameras.pageInfo.endCursor ?? null) : null
  } while (after)
  return found
}

/** Shows the cameras until the returned function is called. Where they cannot be asked, what was shown stays. */
export function followCameras(show: (cameras: readonly Camera[]) => void): () => void {
  let left = false
  let again: ReturnType<typeof setTimeout> | undefined
  const look = async () => {
    const found = await all().catch(() => undefined)
    if (left) return
    if (found) show(found)
    again = setTimeout(() => void look(), EVERY_MS)
  }
  void look()
  return () => {
    left = true
    clearTimeout(again)
  }
}

const HEALTH: Record<string, string> = { online: 'works', offline: 'no picture now', never_seen: 'no picture yet' }
const SIDES = ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west']

/** A camera in words, for who does not see the map. */
export function described(camera: Camera): string {
  const side = SIDES[Math.round(camera.bearingDeg / 45) % 8]
  const watched = camera.watchers > 0 ? `, ${camera.watchers} watching` : ''
  return `Camera ${camera.name}, looks ${side}, ${HEALTH[camera.health] ?? camera.health}${watched}`
}

/** The ground that the cameras see, of those of which it is known. */
export function fieldsOfView(cameras: readonly Camera[]): FeatureCollection<Polygon> {
  const features = cameras.flatMap((camera): Feature<Polygon>[] => {
    if (!camera.fieldOfView) return []
    const ring = camera.fieldOfView.map(({ longitude, latitude }) => [longitude, latitude])
    const properties = { id: camera.id, works: camera.health === 'online' }
    return [{ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [ring] } }]
  })
  return { type: 'FeatureCollection', features }
}
